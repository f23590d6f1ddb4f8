package test

import (
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/seed-a19ac2b6/failover/test/harness"

	"github.com/miekg/dns"
)

// TestWhoIsToldFindsItDone asks the server for all that a failover changes while the webhook that tells of it waits for
// its answer: what a receiver does next may rely on it.
func TestWhoIsToldFindsItDone(t *testing.T) {
	t.Parallel()
	type found struct {
		address, metrics, events string
		serial                   uint32
		err                      error
	}
	told := make(chan found, 1)
	endpoint := harness.Serve(t)
	var s *harness.Server
	up := make(chan struct{})
	port := harness.FreePort(t)
	l, err := harness.Listen(net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		t.Fatal(err)
	}
	handler := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		var e struct{ Kind string }
		_ = json.Unmarshal(body, &e)
		if e.Kind != "failover" {
			return
		}
		<-up
		var f found
		ask := func(name string, qtype uint16) dns.RR {
			reply, _, err := (&dns.Client{Timeout: harness.Patience}).Exchange(harness.Question(name, qtype), s.Addr)
			if err != nil || len(reply.Answer) != 1 {
				f.err = err
				return nil
			}
			return reply.Answer[0]
		}
		if a, ok := ask("www.example.org.", dns.TypeA).(*dns.A); ok {
			f.address = a.A.String()
		}
		if soa, ok := ask("example.org.", dns.TypeSOA).(*dns.SOA); ok {
			f.serial = soa.Serial
		}
		for place, text := range map[string]*string{"@METRICS@/metrics": &f.metrics, "@ADMIN@/v1/events": &f.events} {
			port, path, _ := strings.Cut(place, "/")
			if _, *text, err = s.Get(t, port, "/"+path); err != nil {
				f.err = err
			}
		}
		told <- f
	})
	server := &http.Server{Handler: handler, ReadHeaderTimeout: time.Minute}
	go func() { _ = server.Serve(l) }()
	t.Cleanup(func() { server.Close() })
	s = harness.Start(t, harness.Zone(`
		admin 127.0.0.1:@ADMIN@
		webhook http://127.0.0.1:`+strconv.Itoa(port)+`/
		check web `+endpoint.URL()+` interval 100ms timeout 90ms fast 50ms
		primary   www 192.0.2.1 check web
		secondary www 192.0.2.2`, "prometheus 127.0.0.1:@METRICS@"))
	close(up)
	s.AwaitA(t, harness.Soon, "www", "192.0.2.1")
	harness.Eventually(t, harness.Soon, "the check to be known", func() bool {
		return s.TTL(t, "www.example.org.", dns.TypeA) == 60
	})
	before := s.Serial(t, "example.org.")
	endpoint.Kill()
	select {
	case f := <-told:
		const metric = `coredns_failover_switches_total{kind="failover",name="www.example.org.",type="A",zone="example.org."} 1`
		if f.err != nil || f.address != "192.0.2.2" || int32(f.serial-before) <= 0 {
			t.Errorf("Expected the new answer and a higher serial than %d when it is told, got %s and %d (%v)",
				before, f.address, f.serial, f.err)
		}
		if !strings.Contains(f.metrics, metric) || !strings.Contains(f.metrics, `state="unhealthy"`) {
			t.Errorf("Expected the metrics to know when it is told, got\n%s", f.metrics)
		}
		if !strings.Contains(f.events, `"kind":"failover"`) || !strings.Contains(f.events, `"kind":"transition"`) {
			t.Errorf("Expected the events to have it when it is told, got\n%s", f.events)
		}
	case <-time.After(harness.Soon):
		t.Fatal("Expected the receiver to be told of a failover")
	}
}
