package test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/seed-a19ac2b6/failover/test/harness"
)

// TestH09_TLSIsVerified goes from the words of the Corefile to a handshake, in each way a certificate can be judged.
func TestH09_TLSIsVerified(t *testing.T) {
	t.Parallel()
	port, ca := serveTLS(t, "www.example.org")
	lines := ""
	for name, words := range map[string]string{
		"unknown": "sni www.example.org",                       // an authority that nobody knows
		"own":     "sni www.example.org tls ca.pem",            // relative to the working directory
		"old":     "tls_servername www.example.org tls ca.pem", // CoreDNS's word for sni
		"hosted":  "host www.example.org tls ca.pem",           // the name is that of the Host header
		"other":   "sni www.example.net tls ca.pem",            // a name that the certificate does not have
		"address": "tls ca.pem",                                // verified against the address of the target
		"blind":   "sni www.example.net insecure",
	} {
		lines += fmt.Sprintf(`
			check %[1]s https://127.0.0.1:%[2]d/ %[3]s %[4]s
			primary   %[1]s 192.0.2.1 check %[1]s
			secondary %[1]s 198.51.100.1
			check t-%[1]s tls://127.0.0.1:%[2]d %[3]s %[5]s
			primary   t-%[1]s 192.0.2.1 check t-%[1]s
			secondary t-%[1]s 198.51.100.1`, name, port, timing, words, strings.Replace(words, "host ", "sni ", 1))
	}
	s := harness.Start(t, harness.Zone(lines, "ready 127.0.0.1:@READY@"), "ca.pem", ca)
	harness.Eventually(t, 10*time.Second, "all checks known", func() bool { return isReady(t, s) })
	for name, healthy := range map[string]bool{
		"unknown": false, "own": true, "old": true, "hosted": true, "other": false, "address": false, "blind": true,
	} {
		want := "198.51.100.1"
		if healthy {
			want = "192.0.2.1"
		}
		for _, prefix := range []string{"", "t-"} {
			if got := s.A(t, prefix+name); got != want {
				t.Errorf("%s%s: expected %s, got %s", prefix, name, want, got)
			}
		}
	}
}

// serveTLS starts a server with a certificate for one name and returns its port and the certificate's authority.
func serveTLS(t *testing.T, name string) (port int, authority string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{name}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	config := &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
	server := &http.Server{
		Handler:           http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") }),
		ReadHeaderTimeout: time.Minute,
		ErrorLog:          log.New(io.Discard, "", 0), // Handshakes fail on purpose.
	}
	go func() { _ = server.Serve(tls.NewListener(l, config)) }()
	t.Cleanup(func() { server.Close() })
	var text bytes.Buffer
	if err := pem.Encode(&text, &pem.Block{Type: "CERTIFICATE", Bytes: der}); err != nil {
		t.Fatal(err)
	}
	return l.Addr().(*net.TCPAddr).Port, text.String()
}

// TestOneProbeForOneDefinition uses the same target under several names, records, zones and server blocks.
func TestOneProbeForOneDefinition(t *testing.T) {
	t.Parallel()
	e := harness.Serve(t)
	stanza := fmt.Sprintf(`
		check web %[1]s %[2]s
		check %% %[1]s %[2]s
		check both all web %%
		primary   www 192.0.2.1 check web
		secondary www 198.51.100.1 check %%
		weight 1  api 192.0.2.1 check both`, e.URL(), patient)
	s := harness.Start(t, harness.Zone(strings.ReplaceAll(stanza, "%", "same"))+
		"example.net:@DNS@ sub.example.org:@DNS@ {\n bind 127.0.0.1\n failover {\n"+
		strings.ReplaceAll(stanza, "%", "again")+"\n }\n}\n")
	harness.Eventually(t, 10*time.Second, "some probes", func() bool { return e.Count() > 4 })
	checkSchedule(t, e.Times(1)) // The first one comes at once, whatever its place in the schedule.
	for _, name := range []string{"www.example.org.", "www.example.net.", "api.sub.example.org."} {
		if got := s.Addresses(t, name, 1); got != "192.0.2.1" {
			t.Errorf("%s: expected the healthy primary, got %q", name, got)
		}
	}
}

// TestLameduckGoesOn sends SIGTERM to a server that stays for a while: it probes and answers by health until it is gone.
func TestLameduckGoesOn(t *testing.T) {
	t.Parallel()
	e := harness.Serve(t)
	s := harness.Start(t, harness.Zone(fmt.Sprintf(`
		check web %s %s
		primary   www 192.0.2.1 check web
		secondary www 198.51.100.1`, e.URL(), timing), "health 127.0.0.1:@HEALTH@ {\n lameduck 4s\n }"))
	s.AwaitA(t, time.Second, "www", "192.0.2.1")
	s.Signal(t, syscall.SIGTERM)
	harness.Eventually(t, time.Second, "the shutdown", func() bool { return s.Log.Count("SIGTERM") > 0 })
	e.Set(harness.Fail)
	s.AwaitA(t, 3500*time.Millisecond, "www", "198.51.100.1")
}

// TestBinaryHasThePlugin asks the binary for its plugins.
func TestBinaryHasThePlugin(t *testing.T) {
	path, err := harness.Binary()
	if err != nil {
		t.Fatal(err)
	}
	output, err := exec.Command(path, "-plugins").Output()
	if err != nil || !strings.Contains(string(output), "failover\n") || !strings.Contains(string(output), "kubernetes\n") {
		t.Errorf("Expected failover and the plugins of stock CoreDNS, got error %v and:\n%s", err, output)
	}
}
