package test

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/seed-a19ac2b6/failover/plugin/failover/api"
	"github.com/seed-a19ac2b6/failover/test/harness"
)

// apiServer is as much of a Kubernetes API server as a watch of the EndpointSlices of one Service needs. The folder kube
// has a real one.
type apiServer struct {
	address string
	server  *http.Server

	mu      sync.Mutex
	changed chan struct{} // closed with the next change
	version int
	ready   bool
	watches int // begun since the start
}

// clusterOf starts an API server and writes a kubeconfig for it.
func clusterOf(t *testing.T) (a *apiServer, kubeconfig string) {
	t.Helper()
	a = &apiServer{address: "127.0.0.1:0", changed: make(chan struct{}), version: 1}
	a.up(t)
	t.Cleanup(a.down)
	kubeconfig = filepath.Join(t.TempDir(), "kubeconfig")
	text := fmt.Sprintf(`{"current-context": "c", "contexts": [{"name": "c", "context": {"cluster": "c"}}],
		"clusters": [{"name": "c", "cluster": {"server": "http://%s"}}]}`, a.address)
	if err := os.WriteFile(kubeconfig, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return a, kubeconfig
}

// up starts it, at the address that it had.
func (a *apiServer) up(t *testing.T) {
	t.Helper()
	listener, err := net.Listen("tcp", a.address)
	if err != nil {
		t.Fatal(err)
	}
	a.address = listener.Addr().String()
	a.server = &http.Server{Handler: a, ReadHeaderTimeout: time.Minute}
	go a.server.Serve(listener)
}

// down ends it, with all connections.
func (a *apiServer) down() { a.server.Close() }

// set makes the only endpoint ready or not.
func (a *apiServer) set(ready bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.ready = ready
	a.version++
	close(a.changed)
	a.changed = make(chan struct{})
}

func (a *apiServer) begun() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.watches
}

func (a *apiServer) slice() (slice map[string]any, next <-chan struct{}) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return map[string]any{
		"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
		"metadata": map[string]any{
			"name": "db-x", "namespace": "prod", "resourceVersion": fmt.Sprint(a.version),
			"labels": map[string]string{"kubernetes.io/service-name": "db"},
		},
		"endpoints": []any{map[string]any{"addresses": []string{"192.0.2.7"}, "conditions": map[string]bool{"ready": a.ready}}},
		"ports":     []any{map[string]any{"name": "pg", "port": 5432}},
	}, a.changed
}

func (a *apiServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	slice, next := a.slice()
	to := json.NewEncoder(w)
	if r.URL.Query().Get("watch") == "" {
		_ = to.Encode(map[string]any{
			"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSliceList", "items": []any{slice},
			"metadata": map[string]any{"resourceVersion": slice["metadata"].(map[string]any)["resourceVersion"]},
		})
		return
	}
	a.mu.Lock()
	a.watches++
	a.mu.Unlock()
	for {
		_ = to.Encode(map[string]any{"type": "MODIFIED", "object": slice})
		_ = http.NewResponseController(w).Flush()
		select {
		case <-r.Context().Done():
			return
		case <-next:
		}
		slice, next = a.slice()
	}
}

// TestC05_KubernetesServices has answers follow the readiness of a Service, stay when the API server goes, and follow
// again when it is back. The interval is so long that only the watch can tell.
func TestC05_KubernetesServices(t *testing.T) {
	t.Parallel()
	a, kubeconfig := clusterOf(t)
	corefile := harness.Zone(fmt.Sprintf(`admin 127.0.0.1:@ADMIN@
kubeconfig %s
check *  interval 1h fast 1h
check db kubernetes prod/db
check pg kubernetes prod/db:pg
check no kubernetes prod/none
primary   www 192.0.2.1 check db pg
secondary www 192.0.2.2
primary   no  192.0.2.1 check no
secondary no  192.0.2.2`, kubeconfig), "prometheus 127.0.0.1:@METRICS@")
	s := harness.Start(t, corefile)
	admin := adminOf(t, s, "")
	s.AwaitA(t, harness.Patience, "www", "192.0.2.2")
	s.AwaitA(t, harness.Patience, "no", "192.0.2.2")
	late := 0
	for _, ready := range []bool{true, false, true, false, true} {
		began := time.Now()
		a.set(ready)
		s.AwaitA(t, harness.Patience, "www", map[bool]string{true: "192.0.2.1", false: "192.0.2.2"}[ready])
		if took := time.Since(began); took > time.Second {
			t.Logf("Late: ready %v was seen after %v", ready, took)
			late++
		}
	}
	if late > 1 { // once it may be the machine that is busy
		t.Errorf("Expected the answer to move within a second, it was late %d times", late)
	}

	// A reload asks the API server nothing: not for what goes on, and not for a check that joins.
	asked := a.begun()
	s.SignalReload(t, strings.Replace(corefile, "check no kubernetes prod/none", "check no kubernetes prod/db:5432", 1), false)
	s.AwaitA(t, harness.Patience, "no", "192.0.2.1")
	if now := a.begun(); now != asked {
		t.Errorf("%d watches after the reload, %d before", now, asked)
	}

	a.down()
	stale := func() bool {
		var checks api.Checks
		if err := json.Unmarshal([]byte(admin.want(http.StatusOK, "GET", "/v1/checks", "")), &checks); err != nil {
			t.Fatal(err)
		}
		n := 0
		for _, c := range checks.Checks {
			if c.State == api.Healthy && c.Last != nil && c.Last.Outcome == "indeterminate" && c.Last.Reason == "stale" &&
				strings.Contains(c.Last.Detail, "connection refused") {
				n++
			}
		}
		return n == 3
	}
	harness.Eventually(t, harness.Patience, "stale checks", stale)
	if got := s.A(t, "www"); got != "192.0.2.1" {
		t.Errorf("Without an API server the answer is %s", got)
	}
	if got := s.Metric(t, "coredns_failover_check_last_probe_timestamp_seconds", `check="pg"`, `reason="stale"`); got == 0 {
		t.Error("No metric tells that the check is stale")
	}
	explained := admin.want(http.StatusOK, "GET", "/v1/explain?name=www.example.org", "")
	if !strings.Contains(explained, "the last probe tells nothing: stale, the API server is away: ") {
		t.Errorf("The explanation does not say that the state may be old: %s", explained)
	}
	b := open(t, pageOf(s))
	b.await(`document.querySelector("#checks tbody").textContent.includes("the last probe tells nothing (stale): the API server")`)
	shown := harness.Ctl(t, s.Dir, nil, "--server", pageOf(s), "status", "www.example.org")
	if !strings.Contains(shown.Out, "the last probe tells nothing (stale): the API server is away: ") {
		t.Errorf("failoverctl does not say that the state may be old: %s%s", shown.Out, shown.Err)
	}
	if lines := s.Log.Lines("the API server of the cluster of " + kubeconfig + " is away"); len(lines) != 1 {
		t.Errorf("Expected one line that the API server is away, got %q", lines)
	}
	a.up(t)
	a.set(false)
	s.AwaitA(t, harness.Patience, "www", "192.0.2.2")
	if text := s.Log.String(); strings.Contains(text, "reflector") || strings.Contains(text, "Failed to watch") {
		t.Errorf("Client-go writes to the log: %s", text)
	}
}

// TestC05_KubernetesRefused starts servers that cannot get to an API server by what is configured.
func TestC05_KubernetesRefused(t *testing.T) {
	t.Parallel()
	a, kubeconfig := clusterOf(t)
	a.down() // it is not asked
	broken := filepath.Join(t.TempDir(), "broken")
	if err := os.WriteFile(broken, []byte("not a kubeconfig: ["), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct{ name, line, want string }{
		{"no file", "kubeconfig /nonexistent/kubeconfig", "Corefile:5 - kubeconfig: there is no file /nonexistent/kubeconfig"},
		{"broken", "kubeconfig " + broken, "Corefile:5 - kubeconfig: " + broken + " is not a kubeconfig"},
		{"context", "kubeconfig " + kubeconfig + " west", "Corefile:5 - kubeconfig: " + kubeconfig + ` has no context "west"; it has c`},
		{"no pod", "ttl 60s", "Corefile:6 - kubernetes: this is no pod of a cluster: KUBERNETES_SERVICE_HOST is not set"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			got := harness.Refused(t, harness.Zone(tc.line+"\ncheck db kubernetes prod/db\nprimary www 192.0.2.1 check db\nsecondary www 192.0.2.2"))
			if !strings.Contains(got, tc.want) {
				t.Errorf("Expected %q, got %s", tc.want, got)
			}
		})
	}
}
