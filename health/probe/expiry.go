package probe

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"time"
)

// expiring says what is wrong if a certificate has less than left to live at now; "" if none has. An expired authority
// breaks a chain as an expired leaf does. Of several verified chains one that lasts is enough, since that is how clients
// see it; without verification all that the peer has shown must last.
func expiring(state tls.ConnectionState, left time.Duration, now time.Time) string {
	chains := state.VerifiedChains
	if len(chains) == 0 {
		chains = [][]*x509.Certificate{state.PeerCertificates}
	}
	var best, leaf *x509.Certificate
	for _, chain := range chains {
		if len(chain) == 0 {
			continue
		}
		leaf = chain[0]
		first := leaf
		for _, certificate := range chain {
			if certificate.NotAfter.Before(first.NotAfter) {
				first = certificate
			}
		}
		if best == nil || first.NotAfter.After(best.NotAfter) {
			best = first
		}
	}
	if best == nil || best.NotAfter.Sub(now) >= left {
		return ""
	}
	whose := "certificate"
	if best != leaf {
		whose = "certificate of an authority"
	}
	day := best.NotAfter.UTC().Format(time.DateOnly)
	if !best.NotAfter.After(now) {
		return fmt.Sprintf("%s expired on %s", whose, day)
	}
	return fmt.Sprintf("%s expires in %s, on %s, and should have %s left", whose, days(best.NotAfter.Sub(now)), day, days(left))
}

// days writes a duration as an operator thinks of it, rounded down: "6d", "6d4h", "5h12m", "30s".
func days(d time.Duration) string {
	const day = 24 * time.Hour
	switch hours := d % day / time.Hour; {
	case d >= day && hours > 0:
		return fmt.Sprintf("%dd%dh", d/day, hours)
	case d >= day:
		return fmt.Sprintf("%dd", d/day)
	case d >= time.Hour && d%time.Hour/time.Minute > 0:
		return fmt.Sprintf("%dh%dm", d/time.Hour, d%time.Hour/time.Minute)
	case d >= time.Hour:
		return fmt.Sprintf("%dh", d/time.Hour)
	default:
		return d.Truncate(time.Second).String()
	}
}
