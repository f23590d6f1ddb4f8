package cluster

import (
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/seed-a19ac2b6/failover/health/probe"

	discovery "k8s.io/api/discovery/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// apiServer is as much of an API server as a feed needs. It speaks JSON, which each of them does.
type apiServer struct {
	*httptest.Server

	mu       sync.Mutex
	version  int
	slices   map[string]*discovery.EndpointSlice
	watches  map[chan string]bool // of lines; closed ends the watch
	lists    int
	opened   int              // watches
	override http.HandlerFunc // answers instead
	seen     []string         // Authorization of each request
}

func newAPIServer(t *testing.T) *apiServer {
	t.Helper()
	return newAPIServerOf(t, true)
}

// newAPIServerOf makes one that speaks HTTP/2 or only HTTP/1.1.
func newAPIServerOf(t *testing.T, http2 bool) *apiServer {
	t.Helper()
	a := &apiServer{slices: map[string]*discovery.EndpointSlice{}, watches: map[chan string]bool{}, version: 1}
	a.Server = httptest.NewUnstartedServer(http.HandlerFunc(a.serve))
	a.EnableHTTP2 = http2
	a.Config.ErrorLog = log.New(io.Discard, "", 0)
	a.StartTLS()
	t.Cleanup(func() {
		a.cut()
		a.CloseClientConnections()
		a.Close()
	})
	return a
}

func (a *apiServer) serve(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	a.seen = append(a.seen, r.Header.Get("Authorization"))
	override := a.override
	a.mu.Unlock()
	if override != nil {
		override(w, r)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	if r.URL.Path != "/apis/discovery.k8s.io/v1/namespaces/prod/endpointslices" {
		status(w, http.StatusForbidden, meta.StatusReasonForbidden)
		return
	}
	if r.URL.Query().Get("watch") == "" {
		a.list(w)
		return
	}
	lines := make(chan string, 100)
	a.mu.Lock()
	a.opened++
	from, _ := strconv.Atoi(r.URL.Query().Get("resourceVersion"))
	for _, s := range a.slices { // what has changed since
		if version, _ := strconv.Atoi(s.ResourceVersion); version > from {
			lines <- line("MODIFIED", s)
		}
	}
	a.watches[lines] = true
	a.mu.Unlock()
	defer func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		delete(a.watches, lines)
	}()
	w.WriteHeader(http.StatusOK)
	_ = http.NewResponseController(w).Flush()
	for {
		select {
		case <-r.Context().Done():
			return
		case text, more := <-lines:
			if !more {
				return
			}
			fmt.Fprintln(w, text)
			_ = http.NewResponseController(w).Flush()
		}
	}
}

func (a *apiServer) list(w http.ResponseWriter) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.lists++
	all := discovery.EndpointSliceList{ListMeta: meta.ListMeta{ResourceVersion: strconv.Itoa(a.version)}}
	all.APIVersion, all.Kind = "discovery.k8s.io/v1", "EndpointSliceList"
	for _, s := range a.slices {
		all.Items = append(all.Items, *s)
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(all)
}

func status(w http.ResponseWriter, code int, reason meta.StatusReason) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(meta.Status{
		TypeMeta: meta.TypeMeta{APIVersion: "v1", Kind: "Status"}, Status: "Failure", Code: int32(code), Reason: reason,
		Message: "a word of the server",
	})
}

func line(kind string, object any) string {
	text, err := json.Marshal(map[string]any{"type": kind, "object": object})
	if err != nil {
		panic(err)
	}
	return string(text)
}

// put makes or changes a slice.
func (a *apiServer) put(s *discovery.EndpointSlice) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.version++
	s.ResourceVersion = strconv.Itoa(a.version)
	kind := "MODIFIED"
	if a.slices[s.Name] == nil {
		kind = "ADDED"
	}
	a.slices[s.Name] = s
	a.send(line(kind, s))
}

func (a *apiServer) remove(name string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.version++
	gone := a.slices[name].DeepCopy()
	gone.ResourceVersion = strconv.Itoa(a.version)
	delete(a.slices, name)
	a.send(line("DELETED", gone))
}

// say writes a line to all watches.
func (a *apiServer) say(text string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.send(text)
}

func (a *apiServer) send(text string) {
	for lines := range a.watches {
		lines <- text
	}
}

// cut ends all watches.
func (a *apiServer) cut() {
	a.mu.Lock()
	defer a.mu.Unlock()
	for lines := range a.watches {
		delete(a.watches, lines)
		close(lines)
	}
}

// instead has requests answered by f, and ends all watches. Nil is for the ordinary answers.
func (a *apiServer) instead(f http.HandlerFunc) {
	a.mu.Lock()
	a.override = f
	a.mu.Unlock()
	a.cut()
}

func (a *apiServer) counts() (lists, opened, watching int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.lists, a.opened, len(a.watches)
}

// kubeconfig writes one for the server, with the token in it.
func (a *apiServer) kubeconfig(t *testing.T, token string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "kubeconfig")
	a.writeKubeconfig(t, path, token)
	return path
}

func (a *apiServer) writeKubeconfig(t *testing.T, path, token string) {
	t.Helper()
	authority := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.Certificate().Raw})
	text := fmt.Sprintf(`apiVersion: v1
kind: Config
current-context: one
contexts:
- {name: one, context: {cluster: here, user: me}}
- {name: two, context: {cluster: here, user: me}}
clusters:
- {name: here, cluster: {server: %q, certificate-authority-data: %s}}
users:
- {name: me, user: {token: %s}}
`, a.URL, base64.StdEncoding.EncodeToString(authority), token)
	if err := os.WriteFile(path+".new", []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

// sliceOf makes a slice of the Service "db" with an endpoint for each word: ready, unready, unsaid, or empty for one
// without an address.
func sliceOf(name string, conditions ...string) *discovery.EndpointSlice {
	s := &discovery.EndpointSlice{
		ObjectMeta:  meta.ObjectMeta{Name: name, Namespace: "prod", Labels: map[string]string{discovery.LabelServiceName: "db"}},
		AddressType: discovery.AddressTypeIPv4,
		Ports:       []discovery.EndpointPort{{Name: new("pg"), Port: new(int32(5432))}},
	}
	s.APIVersion, s.Kind = "discovery.k8s.io/v1", "EndpointSlice"
	for i, condition := range conditions {
		e := discovery.Endpoint{Addresses: []string{fmt.Sprintf("192.0.2.%d", i+1)}}
		switch condition {
		case "ready":
			e.Conditions.Ready = new(true)
		case "unready":
			e.Conditions.Ready = new(false)
		case "empty":
			e.Addresses = nil
		}
		s.Endpoints = append(s.Endpoints, e)
	}
	return s
}

// watched is a check that probes whenever it is told to.
type watched struct {
	prober  probe.Prober
	results chan probe.Result
	stop    func()
}

// follow starts a check of a Service.
func follow(t *testing.T, c *Clusters, s probe.Spec) *watched {
	t.Helper()
	s.Scheme = probe.Kubernetes
	if s.Namespace == "" {
		s.Namespace = "prod"
	}
	if s.Service == "" {
		s.Service = "db"
	}
	p, err := c.NewProber(s)
	if err != nil {
		t.Fatal(err)
	}
	w := &watched{prober: p, results: make(chan probe.Result, 1000)}
	w.stop, err = p.(probe.Watcher).Watch(func() { w.results <- p.Probe(t.Context()) })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.stop)
	return w
}

// patience is for a machine with other work to do.
const patience = 30 * time.Second

// want waits for a result.
func (w *watched) want(t *testing.T, outcome probe.Outcome, detail string) {
	t.Helper()
	late := time.After(patience)
	var last probe.Result
	for {
		select {
		case last = <-w.results:
			if last.Outcome == outcome && last.Detail == detail {
				return
			}
		case <-late:
			t.Fatalf("Result %v, want %v with %q", last, outcome, detail)
		}
	}
}

// eventually waits until a condition holds.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !is(); {
		if time.Now().After(end) {
			t.Fatal("Not in time: " + what)
		}
		<-time.After(5 * time.Millisecond)
	}
}

// newClusters makes Clusters of which nothing is left after the test.
func newClusters(t *testing.T, told func(Notice)) *Clusters {
	t.Helper()
	c := New(told)
	t.Cleanup(c.Wait)
	return c
}
