package failover

import (
	"testing"

	"github.com/miekg/dns"
)

// A CNAME that is drawn can lead back to its own name, and be another one when it is drawn again.
func TestD03_NoAnswerHasTwoCNAMEsOfOneName(t *testing.T) {
	fx := load(t, `failover {
		weight 1 www CNAME next
		weight 1 www CNAME site
		static next CNAME WWW
		static site 192.0.2.1
	}`)
	loops := 0
	for range 100 {
		m, _ := fx.ask("www.example.org.", dns.TypeA)
		switch {
		case m.Rcode == dns.RcodeServerFailure && len(m.Answer) == 0:
			loops++
		case len(m.Answer) != 2 || m.Rcode != dns.RcodeSuccess:
			t.Fatalf("Got %v", m)
		}
	}
	if loops == 0 || loops == 100 {
		t.Errorf("%d of 100 answers were loops", loops)
	}
}
