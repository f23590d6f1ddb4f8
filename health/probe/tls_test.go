package probe

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"
)

// authority is a certificate authority for tests.
type authority struct {
	t    testing.TB
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	file string // its certificate, PEM
}

func newAuthority(tb testing.TB) *authority {
	tb.Helper()
	a := &authority{t: tb}
	a.key = newKey(tb)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Test CA"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, a.key.Public(), a.key)
	if err != nil {
		tb.Fatal(err)
	}
	if a.cert, err = x509.ParseCertificate(der); err != nil {
		tb.Fatal(err)
	}
	a.file = filepath.Join(tb.TempDir(), "ca.pem")
	writePEM(tb, a.file, "CERTIFICATE", der)
	return a
}

func newKey(tb testing.TB) *ecdsa.PrivateKey {
	tb.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	return key
}

func writePEM(tb testing.TB, file, kind string, der []byte) {
	tb.Helper()
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		tb.Fatal(err)
	}
}

// issue gives a certificate for a name or an address, valid until then.
func (a *authority) issue(name string, until time.Time) tls.Certificate {
	a.t.Helper()
	key := newKey(a.t)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: name},
		NotBefore: until.Add(-24 * time.Hour), NotAfter: until,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	if ip := net.ParseIP(name); ip != nil {
		template.IPAddresses = []net.IP{ip}
	} else {
		template.DNSNames = []string{name}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, key.Public(), a.key)
	if err != nil {
		a.t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// write puts a certificate and its key into files.
func (a *authority) write(certificate tls.Certificate, certFile, keyFile string) {
	a.t.Helper()
	der, err := x509.MarshalECPrivateKey(certificate.PrivateKey.(*ecdsa.PrivateKey))
	if err != nil {
		a.t.Fatal(err)
	}
	writePEM(a.t, certFile, "CERTIFICATE", certificate.Certificate[0])
	writePEM(a.t, keyFile, "EC PRIVATE KEY", der)
}

// serveTLS starts a web server over TLS. The probe for it verifies by the authority's certificate.
func (a *authority) serveTLS(config *tls.Config, handler http.HandlerFunc) Spec {
	a.t.Helper()
	if handler == nil {
		handler = func(http.ResponseWriter, *http.Request) {}
	}
	server := httptest.NewUnstartedServer(handler)
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.TLS = config
	server.StartTLS()
	a.t.Cleanup(server.Close)
	p := probeOf(a.t, server.URL)
	p.CAFile = a.file
	return p
}

// overTLS is the probe of the handshake alone.
func overTLS(p Spec) Spec {
	return Spec{
		Scheme: TLS, Host: p.Host, Port: p.Port, ServerName: p.ServerName, Insecure: p.Insecure,
		CertFile: p.CertFile, KeyFile: p.KeyFile, CAFile: p.CAFile, MinTLS: p.MinTLS, Expires: p.Expires,
	}
}

func TestH09_CertificateIsVerified(t *testing.T) {
	a := newAuthority(t)
	later := time.Now().Add(time.Hour)
	byName := a.serveTLS(&tls.Config{Certificates: []tls.Certificate{a.issue("www.example.org", later)}}, nil)
	byAddr := a.serveTLS(&tls.Config{Certificates: []tls.Certificate{a.issue("127.0.0.1", later)}}, nil)
	expired := a.serveTLS(&tls.Config{Certificates: []tls.Certificate{a.issue("127.0.0.1", time.Now().Add(-time.Hour))}}, nil)
	old := a.serveTLS(&tls.Config{Certificates: []tls.Certificate{a.issue("127.0.0.1", later)}, MaxVersion: tls.VersionTLS11, MinVersion: tls.VersionTLS10}, nil)
	plain := serve(t, func(http.ResponseWriter, *http.Request) {})
	plain.Scheme = HTTPS
	closing := byAddr
	closing.Port = listen(t, "127.0.0.1", func(c net.Conn) { c.Close() })
	for _, c := range []struct {
		name    string
		p       Spec
		change  func(*Spec)
		outcome Outcome
		reason  Reason
		detail  string
	}{
		{"address in the certificate", byAddr, nil, Pass, ReasonOK, ""},
		{"name by sni", byName, func(p *Spec) { p.ServerName = "www.example.org" }, Pass, ReasonOK, ""},
		{"wrong name", byName, nil, Fail, ReasonTLS, "127.0.0.1"},
		{"wrong sni", byName, func(p *Spec) { p.ServerName = "mail.example.org" }, Fail, ReasonTLS, "valid for www.example.org, not mail.example.org"},
		{"wrong name, insecure", byName, func(p *Spec) { p.Insecure = true }, Pass, ReasonOK, ""},
		{"unknown authority", byAddr, func(p *Spec) { p.CAFile = "" }, Fail, ReasonTLS, "unknown authority"},
		{"unknown authority, insecure", byAddr, func(p *Spec) { p.CAFile = ""; p.Insecure = true }, Pass, ReasonOK, ""},
		{"expired", expired, nil, Fail, ReasonTLS, "expired"},
		{"TLS 1.1", old, nil, Fail, ReasonTLS, "version"},
		{"no TLS", plain, nil, Fail, ReasonTLS, "does not speak TLS"},
		{"closes", closing, nil, Fail, ReasonReset, ""},
	} {
		if c.change != nil {
			c.change(&c.p)
		}
		for _, p := range []Spec{c.p, overTLS(c.p)} {
			wantResult(t, c.name+" "+string(p.Scheme), try(t, prober(t, p), 5*time.Second), c.outcome, c.reason, c.detail)
		}
	}
	byHost := byName
	byHost.HostHeader = "www.example.org:8443"
	wantResult(t, "name by host", try(t, prober(t, byHost), 5*time.Second), Pass, ReasonOK, "")
}

func TestH09_ServerNameIsSent(t *testing.T) {
	a := newAuthority(t)
	var mu sync.Mutex
	var names []string
	certificates := []tls.Certificate{a.issue("www.example.org", time.Now().Add(time.Hour))}
	p := a.serveTLS(&tls.Config{Certificates: certificates, GetConfigForClient: func(h *tls.ClientHelloInfo) (*tls.Config, error) {
		mu.Lock()
		defer mu.Unlock()
		names = append(names, h.ServerName)
		return nil, nil
	}}, nil)
	for _, name := range []string{"www.example.org", ""} {
		p.ServerName = name
		try(t, prober(t, p), 5*time.Second)
		if got := names[len(names)-1]; got != name {
			t.Errorf("Sent %q, want %q", got, name)
		}
	}
}

func TestH09_ClientCertificateFollowsItsFile(t *testing.T) {
	a, stranger := newAuthority(t), newAuthority(t)
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	later := time.Now().Add(time.Hour)
	p := a.serveTLS(&tls.Config{
		Certificates: []tls.Certificate{a.issue("127.0.0.1", later)},
		ClientAuth:   tls.RequireAndVerifyClientCert, ClientCAs: pool,
	}, nil)
	wantResult(t, "none", try(t, prober(t, p), 5*time.Second), Fail, ReasonTLS, "certificate required")

	dir := t.TempDir()
	p.CertFile, p.KeyFile = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	if _, err := New(p); err == nil {
		t.Error("Expected an error for files that do not exist")
	}
	stranger.write(stranger.issue("strange.example.org", later), p.CertFile, p.KeyFile)
	made := prober(t, p)
	wantResult(t, "from another authority", try(t, made, 5*time.Second), Fail, ReasonTLS, "refused")

	own := a.issue("probe.example.org", later)
	a.write(own, p.CertFile, p.KeyFile)
	age(t, p.CertFile, 1)
	wantResult(t, "renewed", try(t, made, 5*time.Second), Pass, ReasonOK, "")

	// While the files are not a pair, or are not there, the last good ones serve.
	writePEM(t, p.CertFile, "CERTIFICATE", stranger.issue("strange.example.org", later).Certificate[0])
	age(t, p.CertFile, 2)
	wantResult(t, "not a pair", try(t, made, 5*time.Second), Pass, ReasonOK, "")
	if err := os.Remove(p.KeyFile); err != nil {
		t.Fatal(err)
	}
	wantResult(t, "key gone", try(t, made, 5*time.Second), Pass, ReasonOK, "")
	a.write(own, p.CertFile, p.KeyFile)
	if _, err := New(p); err != nil {
		t.Error(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "empty.pem"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	p.CAFile = filepath.Join(dir, "empty.pem")
	if _, err := New(p); err == nil {
		t.Error("Expected an error for an empty file")
	}
}

// age makes a file's time of change differ from every earlier one.
func age(t *testing.T, file string, hours int) {
	t.Helper()
	at := time.Now().Add(time.Duration(hours) * time.Hour)
	if err := os.Chtimes(file, at, at); err != nil {
		t.Fatal(err)
	}
}

// TestH09_EqualFilesAreReadOnce is about memory: ten thousand checks may name one CA file.
func TestH09_EqualFilesAreReadOnce(t *testing.T) {
	a := newAuthority(t)
	p := Spec{Scheme: TLS, Host: "192.0.2.1", Port: 443, CAFile: a.file}
	one, two := prober(t, p).(*tlsProber), prober(t, p).(*tlsProber)
	if one.client.settings.credentials != two.client.settings.credentials {
		t.Error("The file was read twice")
	}
	runtime.KeepAlive(one)
	runtime.KeepAlive(two)
	for range 100 {
		runtime.GC()
		if !sharedCredentials.holds(files{ca: a.file}) {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Error("The file is kept though no check uses it")
}

func TestH09_SessionsAreResumedForAWhileOnly(t *testing.T) {
	a := newAuthority(t)
	var mu sync.Mutex
	var resumed []bool
	p := a.serveTLS(&tls.Config{Certificates: []tls.Certificate{a.issue("127.0.0.1", time.Now().Add(time.Hour))}}, func(_ http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		resumed = append(resumed, r.TLS.DidResume)
	})
	p.Match = "" // tickets come before the answer
	made := prober(t, p).(*httpProber)
	for i := range 3 {
		if i == 2 {
			made.tls.began = made.tls.began.Add(-sessionAge)
		}
		wantResult(t, "attempt", try(t, made, 5*time.Second), Pass, ReasonOK, "")
	}
	if len(resumed) != 3 || resumed[0] || !resumed[1] || resumed[2] {
		t.Errorf("Resumed %v, want only the second", resumed)
	}
}

func TestH09_RedirectToAnotherHostGetsNoClientCertificate(t *testing.T) {
	a := newAuthority(t)
	later := time.Now().Add(time.Hour)
	var shown int
	config := &tls.Config{Certificates: []tls.Certificate{a.issue("localhost", later)}, ClientAuth: tls.RequestClientCert}
	other := a.serveTLS(config, func(w http.ResponseWriter, r *http.Request) {
		shown = len(r.TLS.PeerCertificates)
		w.WriteHeader(http.StatusTeapot)
	})
	p := a.serveTLS(&tls.Config{Certificates: []tls.Certificate{a.issue("127.0.0.1", later)}}, func(w http.ResponseWriter, r *http.Request) {
		elsewhere := other
		elsewhere.Host = "localhost"
		http.Redirect(w, r, elsewhere.Target(), http.StatusFound)
	})
	dir := t.TempDir()
	p.CertFile, p.KeyFile = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	a.write(a.issue("probe.example.org", later), p.CertFile, p.KeyFile)
	p.Follow, p.FollowHosts, p.Status = true, "localhost", "418"
	wantResult(t, "redirected", try(t, prober(t, p), 5*time.Second), Pass, ReasonOK, "status 418")
	if shown != 0 {
		t.Error("The other host was shown our certificate")
	}
	// From http to https the certificate is verified by the system's authorities.
	from := serve(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, other.Target(), http.StatusFound) })
	from.Follow, from.FollowHosts = true, "localhost"
	wantResult(t, "from http", try(t, prober(t, from), 5*time.Second), Fail, ReasonTLS, "")
}

func TestH12_TLSEndsAtTheTimeout(t *testing.T) {
	port := listen(t, "127.0.0.1", readAll)
	p := Spec{Scheme: TLS, Host: "127.0.0.1", Port: port, Insecure: true}
	wantResult(t, "silent peer", try(t, prober(t, p), 100*time.Millisecond), Fail, ReasonTimeout, "tls 127.0.0.1:")
}
