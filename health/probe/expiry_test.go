package probe

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"sync"
	"testing"
	"time"
)

func TestExpiring(t *testing.T) {
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	const day = 24 * time.Hour
	lasting := func(left ...time.Duration) (chain []*x509.Certificate) {
		for _, d := range left {
			chain = append(chain, &x509.Certificate{NotAfter: now.Add(d)})
		}
		return chain
	}
	for _, c := range []struct {
		name      string
		presented []*x509.Certificate
		verified  [][]*x509.Certificate
		want      string
	}{
		{"long", nil, [][]*x509.Certificate{lasting(90*day, 900*day)}, ""},
		{"just enough", nil, [][]*x509.Certificate{lasting(14*day, 900*day)}, ""},
		{"a second too little", nil, [][]*x509.Certificate{lasting(14*day-time.Second, 900*day)},
			"certificate expires in 13d23h, on 2026-12-05, and should have 14d left"},
		{"days", nil, [][]*x509.Certificate{lasting(6*day, 900*day)}, "certificate expires in 6d, on 2026-11-27, and should have 14d left"},
		{"authority", nil, [][]*x509.Certificate{lasting(90*day, 6*day, 900*day)},
			"certificate of an authority expires in 6d, on 2026-11-27, and should have 14d left"},
		{"another chain lasts", nil, [][]*x509.Certificate{lasting(90*day, 6*day), lasting(90*day, 900*day)}, ""},
		{"no chain lasts", nil, [][]*x509.Certificate{lasting(90*day, 6*day), lasting(90*day, 7*day)},
			"certificate of an authority expires in 7d, on 2026-11-28, and should have 14d left"},
		{"what is shown in vain", lasting(90*day, 6*day), [][]*x509.Certificate{lasting(90*day, 900*day)}, ""},
		{"not verified", lasting(90*day, 6*day), nil, "certificate of an authority expires in 6d, on 2026-11-27, and should have 14d left"},
		{"not verified, long", lasting(90*day, 900*day), nil, ""},
		{"expired", lasting(-day), nil, "certificate expired on 2026-11-20"},
		{"nothing shown", nil, nil, ""},
	} {
		state := tls.ConnectionState{PeerCertificates: c.presented, VerifiedChains: c.verified}
		if got := expiring(state, 14*day, now); got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}

func TestDays(t *testing.T) {
	for d, want := range map[time.Duration]string{
		30 * time.Second: "30s", 90 * time.Second: "1m30s", time.Hour: "1h", 5*time.Hour + 12*time.Minute: "5h12m",
		24 * time.Hour: "1d", 28 * time.Hour: "1d4h", 720 * time.Hour: "30d", 1500 * time.Millisecond: "1s",
	} {
		if got := days(d); got != want {
			t.Errorf("%s: got %q, want %q", d, got, want)
		}
	}
}

func TestExpiresIsACondition(t *testing.T) {
	a := newAuthority(t) // for an hour
	const left = 30 * time.Minute
	config := &tls.Config{Certificates: []tls.Certificate{a.issue("127.0.0.1", time.Now().Add(left))}}
	base := a.serveTLS(config, nil)
	gone := a.serveTLS(&tls.Config{Certificates: []tls.Certificate{a.issue("127.0.0.1", time.Now().Add(-time.Minute))}}, nil)
	for _, c := range []struct {
		name    string
		p       Spec
		change  func(*Spec)
		outcome Outcome
		detail  string
	}{
		{"lasts", base, func(s *Spec) { s.Expires = 20 * time.Minute }, Pass, ""},
		{"does not last", base, func(s *Spec) { s.Expires = 40 * time.Minute }, Fail, "certificate expires in 29m"},
		{"authority does not last", base, func(s *Spec) { s.Expires = 20 * time.Minute; s.CAFile = newAuthority(t).file }, Fail, "unknown authority"},
		{"does not last, insecure", base, func(s *Spec) { s.Expires = 40 * time.Minute; s.Insecure = true; s.CAFile = "" }, Fail, "expires in 29m"},
		{"expired", gone, func(s *Spec) { s.Expires = time.Minute }, Fail, "expired"},
		{"expired, insecure", gone, func(s *Spec) { s.Expires = time.Minute; s.Insecure = true }, Fail, "certificate expired on "},
		{"expired, insecure, not asked for", gone, func(s *Spec) { s.Insecure = true }, Pass, ""},
	} {
		c.change(&c.p)
		for _, p := range []Spec{c.p, overTLS(c.p)} {
			reason := ReasonTLS
			if c.outcome == Pass {
				reason = ReasonOK
			}
			wantResult(t, c.name+" "+string(p.Scheme), try(t, prober(t, p), 5*time.Second), c.outcome, reason, c.detail)
		}
	}
}

// TestExpiresHoldsForResumedSessionsToo also shows that a renewed certificate is seen at the next attempt, and not when
// the session is too old to be resumed.
func TestExpiresHoldsForResumedSessionsToo(t *testing.T) {
	a := newAuthority(t)
	var mu sync.Mutex
	var resumed []bool
	certificate := a.issue("www.example.org", time.Now().Add(10*time.Minute))
	p := a.serveTLS(&tls.Config{
		Certificates: []tls.Certificate{certificate},
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			mu.Lock()
			defer mu.Unlock()
			return &certificate, nil
		},
		VerifyConnection: func(state tls.ConnectionState) error {
			mu.Lock()
			defer mu.Unlock()
			resumed = append(resumed, state.DidResume)
			return nil
		},
	}, nil)
	p.ServerName, p.Expires = "www.example.org", 5*time.Minute
	made := prober(t, p).(*httpProber)
	wantResult(t, "lasts", try(t, made, 5*time.Second), Pass, ReasonOK, "")
	made.tls.settings.expires = 20 * time.Minute // as if ten minutes had gone by
	wantResult(t, "does not last", try(t, made, 5*time.Second), Fail, ReasonTLS, "certificate expires in 9m")
	mu.Lock()
	certificate = a.issue("www.example.org", time.Now().Add(40*time.Minute))
	mu.Unlock()
	wantResult(t, "renewed", try(t, made, 5*time.Second), Pass, ReasonOK, "")
	if len(resumed) != 3 || resumed[0] || !resumed[1] || resumed[2] {
		t.Errorf("Resumed %v, want only the second", resumed)
	}
}

func TestLeastTLSVersion(t *testing.T) {
	a := newAuthority(t)
	serving := func(most uint16) Spec {
		return a.serveTLS(&tls.Config{
			Certificates: []tls.Certificate{a.issue("127.0.0.1", time.Now().Add(time.Hour))},
			MinVersion:   tls.VersionTLS10, MaxVersion: most,
		}, func(http.ResponseWriter, *http.Request) {})
	}
	for _, c := range []struct {
		most, least uint16
		outcome     Outcome
		reason      Reason
	}{
		{tls.VersionTLS10, tls.VersionTLS10, Pass, ReasonOK},
		{tls.VersionTLS10, tls.VersionTLS11, Fail, ReasonTLS},
		{tls.VersionTLS11, 0, Fail, ReasonTLS},
		{tls.VersionTLS12, 0, Pass, ReasonOK},
		{tls.VersionTLS12, tls.VersionTLS13, Fail, ReasonTLS},
		{tls.VersionTLS13, tls.VersionTLS13, Pass, ReasonOK},
	} {
		p := serving(c.most)
		p.MinTLS = c.least
		for _, p := range []Spec{p, overTLS(p)} {
			name := tls.VersionName(c.most) + ", least " + tls.VersionName(c.least)
			wantResult(t, name, try(t, prober(t, p), 5*time.Second), c.outcome, c.reason, "")
		}
	}
}
