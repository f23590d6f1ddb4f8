package admin

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/seed-a19ac2b6/failover/plugin/failover/api"
)

// fake is a Backend that knows nothing and keeps what it is asked for.
type fake struct {
	mu      sync.Mutex
	events  []api.Event
	news    map[chan struct{}]bool
	manual  []api.NewManual
	ended   []string // patterns
	changes []Change
	status  int // how often it was asked for
	block   chan struct{}
	beats   []string
}

func (f *fake) Status() api.Status {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.status++
	return api.Status{Version: "test", Event: uint64(len(f.events))}
}

func (f *fake) Checks(CheckQuery) (api.Checks, error) { return api.Checks{Checks: []api.Check{}}, nil }

func (f *fake) Check(id string) (api.Check, error) {
	if id == "panic" {
		panic("on request")
	}
	return api.Check{ID: id}, nil
}
func (f *fake) Sets(SetQuery) (api.Sets, error) {
	if f.block != nil {
		<-f.block
	}
	return api.Sets{Sets: []api.Set{}}, nil
}

func (f *fake) Events(after uint64, limit int) api.Events {
	f.mu.Lock()
	defer f.mu.Unlock()
	found := append([]api.Event{}, f.events[min(after, uint64(len(f.events))):]...)
	return api.Events{Events: found[:min(limit, len(found))], Last: uint64(len(f.events))}
}

func (f *fake) News() (<-chan struct{}, func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	c := make(chan struct{}, 1)
	if f.news == nil {
		f.news = make(map[chan struct{}]bool)
	}
	f.news[c] = true
	return c, func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		delete(f.news, c)
	}
}

// happen makes an event.
func (f *fake) happen(text string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.events = append(f.events, api.Event{Seq: uint64(len(f.events)) + 1, Kind: api.EventTransition, Text: text})
	for c := range f.news {
		select {
		case c <- struct{}{}:
		default:
		}
	}
}

func (f *fake) Explain(q Question) (api.Explanation, error) {
	return api.Explanation{
		Name: q.Name, Outcomes: []api.ExplainedOutcome{}, Records: []api.PossibleRecord{}, Statements: []string{},
		Way: api.ExplainedStep{Statements: []string{}, Kind: api.AnswerSet, Set: &api.ExplainedSet{
			Statements: []string{}, Candidates: []api.ExplainedRecord{},
		}},
	}, nil
}

func (f *fake) Manual() api.Manuals { return api.Manuals{Manual: []api.Manual{}} }

func (f *fake) NewManual(m api.NewManual) (api.Manual, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.manual = append(f.manual, m)
	return api.Manual{ID: uint64(len(f.manual)), Checks: m.Checks, Author: m.Author}, nil
}

func (f *fake) EndManual(uint64, string) (api.Ended, error) {
	return api.Ended{Ended: []api.Manual{}}, nil
}

func (f *fake) EndManualOf(pattern, _ string) (api.Ended, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ended = append(f.ended, pattern)
	return api.Ended{Ended: []api.Manual{}}, nil
}

func (f *fake) Failback(api.NewFailback) (api.Failback, error) { return api.Failback{}, nil }
func (f *fake) Drills() api.Drills                             { return api.Drills{Drills: []api.Drill{}} }

func (f *fake) NewDrill(asked api.NewDrill, _ bool) (api.Drill, error) {
	d := emptyDrill
	d.Name, d.Author = asked.Name, asked.Author
	return d, nil
}

func (f *fake) EndDrill(id uint64, _ string) (api.Drill, error) {
	d := emptyDrill
	d.ID = id
	return d, nil
}

var emptyDrill = api.Drill{Before: []string{}, After: []string{}, Manual: []api.Manual{}}

func (f *fake) HeartbeatToken(name string) (func() string, bool) {
	switch name {
	case "own":
		return func() string { return "beat" }, true
	case "web":
		return nil, true
	}
	return nil, false
}

func (f *fake) Heartbeat(name string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.beats = append(f.beats, name)
}

func (f *fake) Audit(c Change) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.changes = append(f.changes, c)
}

// changed is how many changes there were.
func (f *fake) changed() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.changes)
}

// fixture is a server for a test.
type fixture struct {
	t       *testing.T
	backend *fake
	servers *Servers
	lease   *Lease
	url     string
	client  *http.Client
}

const canary = "canary-4d5a9a0f"

// open answers as the line says, on a free port of the loopback unless it has an address.
func open(t *testing.T, line Line) *fixture {
	t.Helper()
	fx := &fixture{t: t, backend: &fake{}}
	fx.servers = &Servers{
		Backend: fx.backend, Panicked: func(any) {},
		timeouts: timeouts{header: time.Second, read: time.Second, write: 3 * time.Second, idle: 5 * time.Second},
	}
	if line.Address == "" {
		line.Network, line.Address = "tcp", "127.0.0.1:0"
	}
	var err error
	if fx.lease, err = fx.servers.Acquire(line); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(fx.lease.Release)
	fx.url = "http://" + fx.addr()
	if line.CertFile != "" {
		fx.url = "https://" + fx.addr()
	}
	fx.client = &http.Client{
		Transport:     &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Timeout:       10 * time.Second,
	}
	t.Cleanup(fx.client.CloseIdleConnections)
	return fx
}

func (fx *fixture) addr() string { return fx.lease.site.listener.Addr().String() }

// ask sends a request that is written as "METHOD PATH", fields "Name: value", and a body after an empty string.
func (fx *fixture) ask(first string, more ...string) (int, http.Header, string) {
	fx.t.Helper()
	method, path, _ := strings.Cut(first, " ")
	var body io.Reader
	for i, m := range more {
		if m == "" {
			body = strings.NewReader(strings.Join(more[i+1:], ""))
			more = more[:i]
			break
		}
	}
	r, err := http.NewRequestWithContext(fx.t.Context(), method, fx.url+path, body)
	if err != nil {
		fx.t.Fatal(err)
	}
	for _, field := range more {
		name, value, _ := strings.Cut(field, ": ")
		if name == "Host" {
			r.Host = value
		} else {
			r.Header.Set(name, value)
		}
	}
	answer, err := fx.client.Do(r)
	if err != nil {
		fx.t.Fatalf("%s: %v", first, err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		fx.t.Fatalf("%s: %v", first, err)
	}
	if all := fmt.Sprint(answer.Header) + string(text); strings.Contains(all, canary) {
		fx.t.Errorf("%s is answered with the token: %s", first, all)
	}
	return answer.StatusCode, answer.Header, string(text)
}

// want is ask for the status alone.
func (fx *fixture) want(status int, first string, more ...string) {
	fx.t.Helper()
	if got, _, text := fx.ask(first, more...); got != status {
		fx.t.Errorf("%s %q: %d %s, want %d", first, more, got, text, status)
	}
}

const (
	asJSON  = "Content-Type: application/json"
	down    = `{"checks":"web","state":"unhealthy","reason":"work","author":"ops"}`
	post    = "POST /v1/manual"
	rightly = "Authorization: Bearer " + canary
)

func token() string { return canary }

// authority makes certificates.
type authority struct {
	t    *testing.T
	dir  string
	key  *ecdsa.PrivateKey
	cert *x509.Certificate
	file string
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{t: t, dir: t.TempDir()}
	a.cert, a.key = a.make("ca", nil)
	a.file = filepath.Join(a.dir, "ca.crt")
	return a
}

var serial int64

// make writes NAME.crt and NAME.key.
func (a *authority) make(name string, names []string) (*x509.Certificate, *ecdsa.PrivateKey) {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	serial++
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: name}, DNSNames: names,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), BasicConstraintsValid: true,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	parent, by := a.cert, a.key
	if parent == nil {
		template.IsCA, parent, by = true, template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), by)
	if err != nil {
		a.t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		a.t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		a.t.Fatal(err)
	}
	for ending, block := range map[string]*pem.Block{
		".crt": {Type: "CERTIFICATE", Bytes: der}, ".key": {Type: "PRIVATE KEY", Bytes: secret},
	} {
		if err := os.WriteFile(filepath.Join(a.dir, name+ending), pem.EncodeToMemory(block), 0o600); err != nil {
			a.t.Fatal(err)
		}
	}
	return cert, key
}

// line is one with a certificate of the authority.
func (a *authority) line(name string) Line {
	return Line{CertFile: filepath.Join(a.dir, name+".crt"), KeyFile: filepath.Join(a.dir, name+".key")}
}

// present has the client show a certificate.
func (fx *fixture) present(a *authority, name string) {
	fx.t.Helper()
	config := &tls.Config{InsecureSkipVerify: true}
	if name != "" {
		pair, err := tls.LoadX509KeyPair(a.line(name).CertFile, a.line(name).KeyFile)
		if err != nil {
			fx.t.Fatal(err)
		}
		config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &pair, nil }
	}
	fx.client.CloseIdleConnections()
	fx.client.Transport = &http.Transport{TLSClientConfig: config}
	fx.t.Cleanup(fx.client.CloseIdleConnections)
}

// raw opens a connection and writes text.
func (fx *fixture) raw(text string) (net.Conn, *bufio.Reader) {
	fx.t.Helper()
	c, err := net.Dial("tcp", fx.addr())
	if err != nil {
		fx.t.Fatal(err)
	}
	fx.t.Cleanup(func() { _ = c.Close() })
	if err := c.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		fx.t.Fatal(err)
	}
	if _, err := io.WriteString(c, text); err != nil {
		fx.t.Fatal(err)
	}
	return c, bufio.NewReader(c)
}
