package test

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
	"google.golang.org/grpc/health/grpc_health_v1"

	"github.com/seed-a19ac2b6/failover/test/harness"
)

// kind is a check of one kind, with a peer that it probes. Its record set has a primary with the check and a secondary.
type kind struct {
	name  string
	lines []string // of the check, without "check NAME"
	// breakIt and mend are what happens to the peer, or to the check's files beside the Corefile.
	breakIt, mend func(*testing.T, *harness.Server)
	// reason is the failure's in the log, and detail a part of what explains it to a human.
	reason, detail string
}

// stanza configures the kinds, with a timing for the checks that have none of their own.
func stanza(timing string, kinds []kind) string {
	lines := "allow_exec\ncheck * " + timing + "\n"
	for _, k := range kinds {
		for _, line := range k.lines {
			lines += "check " + k.name + " " + line + "\n"
		}
		lines += fmt.Sprintf("primary %[1]s 192.0.2.1 check %[1]s\nsecondary %[1]s 198.51.100.1\n", k.name)
	}
	return lines
}

// TestKinds breaks and mends a peer of every kind that has one: the answer moves away for the reason that there is, and
// comes back.
func TestKinds(t *testing.T) {
	t.Parallel()
	ca := newAuthority(t)
	kinds := slices.Concat(webKinds(t, ca), streamKinds(t, ca), nameKinds(t), serviceKinds(t, ca))
	s := harness.Start(t, harness.Zone(stanza(unhurried, kinds)), "ca.pem", ca.pem, "token", "secret\n")
	testKinds(t, s, kinds)
}

// TestF26_Certificates does the same in the ways in which a certificate can be wrong.
func TestF26_Certificates(t *testing.T) {
	t.Parallel()
	ca := newAuthority(t)
	kinds, client := tlsKinds(t, ca), pemPair(t, ca.issue(t, "client", time.Hour))
	s := harness.Start(t, harness.Zone(stanza(unhurried, kinds)), "ca.pem", ca.pem, "client.pem", client)
	testKinds(t, s, kinds)
}

// unhurried is the timing for what fails at once: there is time for what a busy machine makes slow.
const unhurried = "interval 1s timeout 5s fast 200ms fall 2"

// testKinds breaks and mends the peers of all kinds, all at a time, since most of it is waiting.
func testKinds(t *testing.T, s *harness.Server, kinds []kind) {
	t.Helper()
	for _, step := range []struct {
		name string
		do   func(t *testing.T, k kind)
		want func(t *testing.T, k kind)
	}{
		{"healthy", func(*testing.T, kind) {}, func(t *testing.T, k kind) { t.Helper(); k.wantPrimary(t, s) }},
		{"broken", func(t *testing.T, k kind) { t.Helper(); k.breakIt(t, s) }, func(t *testing.T, k kind) { t.Helper(); k.wantSecondary(t, s) }},
		{"mended", func(t *testing.T, k kind) { t.Helper(); k.mend(t, s) }, func(t *testing.T, k kind) { t.Helper(); k.wantPrimary(t, s) }},
	} {
		for _, k := range kinds {
			step.do(t, k)
		}
		for _, k := range kinds {
			t.Run(k.name+" "+step.name, func(t *testing.T) { step.want(t, k) })
		}
	}
}

// wantPrimary waits for the primary and the settled TTL.
func (k kind) wantPrimary(t *testing.T, s *harness.Server) {
	t.Helper()
	harness.Eventually(t, 2*harness.Soon, "the settled TTL", func() bool {
		return s.TTL(t, k.name+".example.org.", dns.TypeA) == 60
	})
	if got := s.A(t, k.name); got != "192.0.2.1" {
		t.Errorf("Expected the primary, got %q", got)
	}
}

// wantSecondary waits for the secondary, and for one line of the log that says why.
func (k kind) wantSecondary(t *testing.T, s *harness.Server) {
	t.Helper()
	s.AwaitA(t, 2*harness.Soon, k.name, "198.51.100.1")
	said := func() []string { return s.Log.Lines("check "+k.name+" ", " is unhealthy, was healthy: ") }
	harness.Eventually(t, harness.Soon, "a line of the log about the failure", func() bool { return len(said()) > 0 })
	if got := said(); len(got) != 1 || !strings.Contains(got[0], k.detail) || !strings.Contains(got[0], " ("+k.reason+", 2 failures)") {
		t.Errorf("Expected one line with %q and the reason %s in the log, got %q", k.detail, k.reason, got)
	}
}

// webKinds are http and https.
func webKinds(t *testing.T, ca *authority) []kind {
	t.Helper()
	post := listen(t, address(t, "127.0.0.1"), nil)
	serveWeb(t, post, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		switch {
		case r.Header.Get("X-Token") != "secret":
			w.WriteHeader(http.StatusForbidden)
		case r.Method != http.MethodPost, string(body) != "ping", r.Header.Get("Content-Type") != "text/plain",
			r.Host != "api.example.org:8080":
			w.WriteHeader(http.StatusBadRequest)
		}
	}, nil)
	writeToken := func(token string) func(*testing.T, *harness.Server) {
		return func(t *testing.T, s *harness.Server) { t.Helper(); s.Write(t, "token", token+"\n") }
	}

	// The same port, first with HTTP/2 alone and then without it.
	var only2, only1 http.Protocols
	only2.SetUnencryptedHTTP2(true)
	only1.SetHTTP1(true)
	ok := func(http.ResponseWriter, *http.Request) {}
	at2 := address(t, "127.0.0.1")
	server2 := serveWeb(t, listen(t, at2, nil), ok, &only2)
	instead := func(protocols *http.Protocols) func(*testing.T, *harness.Server) {
		return func(t *testing.T, _ *harness.Server) {
			t.Helper()
			server2.Close()
			server2 = serveWeb(t, listen(t, at2, nil), ok, protocols)
		}
	}

	var proxied, follow, body fault
	proxy := listen(t, address(t, "127.0.0.1"), nil)
	serveWeb(t, proxy, func(w http.ResponseWriter, r *http.Request) {
		// It reaches what nobody else does. That no route leads there is no matter to the check.
		if proxied.Load() || r.URL.String() != "http://192.0.2.8:8080/healthz" {
			w.WriteHeader(http.StatusInternalServerError)
		}
	}, nil)
	end := listen(t, address(t, "127.0.0.1"), nil)
	serveWeb(t, end, ok, nil)
	start := listen(t, address(t, "127.0.0.1"), nil)
	serveWeb(t, start, func(w http.ResponseWriter, r *http.Request) {
		host := "localhost" // named by the check
		if follow.Load() {
			host = "127.0.0.2"
		}
		_, port, _ := net.SplitHostPort(end.Addr().String())
		http.Redirect(w, r, "http://"+net.JoinHostPort(host, port)+"/", http.StatusFound)
	}, nil)
	var known identity
	known.show(ca.issue(t, peerName, time.Hour))
	config := known.config()
	config.NextProtos = []string{"h2"}
	secure := address(t, "::1")
	serveWeb(t, listen(t, secure, config), func(w http.ResponseWriter, r *http.Request) {
		if body.Load() || r.ProtoMajor != 2 {
			fmt.Fprintln(w, "status: degraded")
			return
		}
		fmt.Fprintln(w, "status: ok")
	}, nil)

	return []kind{
		{"post", []string{
			"http://" + post.Addr().String() + "/healthz method POST body ping",
			"header Content-Type text/plain", "header X-Token file token", "host api.example.org:8080",
		}, writeToken("old"), writeToken("secret"), "status", "status 403"},
		{"h2c", []string{"http://" + at2 + " http2"}, instead(&only1), instead(&only2), "protocol", "not an HTTP answer"},
		{
			"proxied", []string{"http://192.0.2.8:8080/healthz proxy http://" + proxy.Addr().String()},
			proxied.breakIt, proxied.mend, "status", "status 500",
		},
		{
			"redirected", []string{"http://" + start.Addr().String() + " follow localhost"},
			follow.breakIt, follow.mend, "status", "redirected to another host, 127.0.0.2",
		},
		{
			"https", []string{"https://" + secure + ` sni www.example.org tls ca.pem http2 match "status: ok"`},
			body.breakIt, body.mend, "body", "status 200, no match",
		},
	}
}

// tlsKinds are the ways in which a certificate can be wrong.
func tlsKinds(t *testing.T, ca *authority) []kind {
	t.Helper()
	// peer shows a good certificate, until it is broken: then another.
	peer := func(name, words string, bad tls.Certificate, detail string) kind {
		good := ca.issue(t, peerName, 2000*time.Hour)
		known := new(identity)
		known.show(good)
		l := listen(t, address(t, "127.0.0.1"), known.config())
		serveWeb(t, l, func(http.ResponseWriter, *http.Request) {}, nil)
		show := func(c tls.Certificate) func(*testing.T, *harness.Server) {
			return func(*testing.T, *harness.Server) { known.show(c) }
		}
		return kind{
			name, []string{"https://" + l.Addr().String() + " sni www.example.org tls ca.pem " + words},
			show(bad), show(good), "tls", detail,
		}
	}
	asking := new(identity)
	asking.show(ca.issue(t, peerName, time.Hour))
	config := asking.config()
	config.ClientAuth, config.ClientCAs = tls.RequireAndVerifyClientCert, ca.pool()
	l := listen(t, address(t, "127.0.0.1"), config)
	serveWeb(t, l, func(http.ResponseWriter, *http.Request) {}, nil)
	// A client's certificate that is renewed is read again.
	showClient := func(from *authority) func(*testing.T, *harness.Server) {
		return func(t *testing.T, s *harness.Server) {
			t.Helper()
			s.Write(t, "client.pem", pemPair(t, from.issue(t, "client", time.Hour)))
		}
	}
	return []kind{
		peer("othername", "", ca.issue(t, "www.example.net", time.Hour), "certificate is valid for www.example.net, not www.example.org"),
		peer("unknown", "", newAuthority(t).issue(t, peerName, time.Hour), "certificate signed by unknown authority"),
		peer("expired", "", ca.issue(t, peerName, -time.Hour), "certificate has expired"),
		peer("shortlived", "expires 720h", ca.issue(t, peerName, 24*time.Hour), "and should have 30d left"),
		{
			"client", []string{"https://" + l.Addr().String() + " sni www.example.org tls client.pem client.pem ca.pem"},
			showClient(newAuthority(t)), showClient(ca), "tls", "the peer refused: tls: unknown certificate authority",
		},
	}
}

// streamKinds are tcp, tls and udp.
func streamKinds(t *testing.T, ca *authority) []kind {
	t.Helper()
	var mail, chat fault
	banner := listen(t, address(t, "127.0.0.1"), nil)
	serveStream(banner, func(conn net.Conn) {
		greeting := "220 mail.example.net ESMTP\r\n"
		if mail.Load() {
			greeting = "421 not now\r\n"
		}
		_, _ = io.WriteString(conn, greeting)
	})
	var known identity
	known.show(ca.issue(t, peerName, time.Hour))
	secure := address(t, "::1")
	serveStream(listen(t, secure, known.config()), func(conn net.Conn) {
		if readLine(conn) == "PING" && !chat.Load() {
			_, _ = io.WriteString(conn, "+PONG\r\n")
			return
		}
		_, _ = io.WriteString(conn, "-LOADING\r\n")
	})
	talking := newDatagrams(t, address(t, "::1"))
	closed := newDatagrams(t, address(t, "127.0.0.1"))
	return []kind{
		{"tcp", []string{"tcp://" + banner.Addr().String() + ` expect "^220[ -]"`}, mail.breakIt, mail.mend, "body", "no match in the 13 bytes that came"},
		{
			"chat", []string{"tls://" + secure + ` sni www.example.org tls ca.pem send "PING\r\n" expect "^\+PONG"`},
			chat.breakIt, chat.mend, "body", "no match in the 10 bytes that came",
		},
		// What does not match is passed over until the timeout: the answer might come yet.
		{
			"udp", []string{"udp://" + talking.at + " send ping expect ^pong$ timeout 1s"},
			talking.breakIt, talking.mend, "body", "no match in 1 datagrams",
		},
		// Silence passes after half the timeout.
		{
			"closed", []string{"udp://" + closed.at + " timeout 1s"},
			func(*testing.T, *harness.Server) { closed.close() },
			func(t *testing.T, _ *harness.Server) { t.Helper(); closed.open(t) },
			"refused", "connection refused",
		},
	}
}

// nameKinds are dns.
func nameKinds(t *testing.T) []kind {
	t.Helper()
	content := serveNames(t, address(t, "::1"), func(m *dns.Msg) {
		m.Answer = []dns.RR{&dns.CNAME{
			Hdr:    dns.RR_Header{Name: m.Question[0].Name, Rrtype: dns.TypeCNAME, Class: dns.ClassINET},
			Target: "elsewhere.example.net.",
		}}
	})
	code := serveNames(t, address(t, "127.0.0.1"), moodServFail)
	return []kind{
		{
			"dns", []string{"dns://" + content.at + "/www.example.net/A", `expect "^www\.example\.net\. A 192\.0\.2\.80$"`},
			content.breakIt, content.mend, "body", "rcode NOERROR, no match in the 1 records",
		},
		{
			"dnstcp", []string{"dns://" + code.at + "/nowhere.example.net/A force_tcp rcode NXDOMAIN"},
			code.breakIt, code.mend, "rcode", "rcode SERVFAIL",
		},
	}
}

// serviceKinds are grpc, grpcs and prometheus.
func serviceKinds(t *testing.T, ca *authority) []kind {
	t.Helper()
	plain := listen(t, address(t, "127.0.0.1"), nil)
	shop := serveHealth(t, plain, nil)
	var known identity
	known.show(ca.issue(t, peerName, time.Hour))
	secure := address(t, "::1")
	whole := serveHealth(t, listen(t, secure, nil), known.config())
	say := func(of interface {
		SetServingStatus(service string, status grpc_health_v1.HealthCheckResponse_ServingStatus)
	}, service string, status grpc_health_v1.HealthCheckResponse_ServingStatus) func(*testing.T, *harness.Server) {
		return func(*testing.T, *harness.Server) { of.SetServingStatus(service, status) }
	}
	const serving, notServing = grpc_health_v1.HealthCheckResponse_SERVING, grpc_health_v1.HealthCheckResponse_NOT_SERVING
	shop.SetServingStatus("shop.Cart", serving)

	query := &prometheusAPI{well: "1", ill: "0"}
	at := listen(t, address(t, "127.0.0.1"), nil)
	serveWeb(t, at, query.ServeHTTP, nil)
	lacking := &prometheusAPI{well: "3"}
	without := listen(t, address(t, "127.0.0.1"), nil)
	serveWeb(t, without, lacking.ServeHTTP, nil)
	const words = `/prom "sum(up{job=\"web\"}) > bool 2"`
	return []kind{
		{
			"grpc", []string{"grpc://" + plain.Addr().String() + "/shop.Cart"},
			say(shop, "shop.Cart", notServing), say(shop, "shop.Cart", serving), "not_serving", "grpc: NOT_SERVING",
		},
		{
			"grpcs", []string{"grpcs://" + secure + " sni www.example.org tls ca.pem"},
			say(whole, "", notServing), say(whole, "", serving), "not_serving", "grpc: NOT_SERVING",
		},
		{
			"query", []string{"prometheus http://" + at.Addr().String() + words},
			query.breakIt, query.mend, "query", "the query is false",
		},
		{
			"nodata", []string{"prometheus http://" + without.Addr().String() + words, "insufficient unhealthy"},
			lacking.breakIt, lacking.mend, "no_data", "no data: the query gives nothing",
		},
	}
}
