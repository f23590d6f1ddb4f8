package cluster

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/seed-a19ac2b6/failover/health/probe"

	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestC05_HealthyWhileAnEndpointIsReady(t *testing.T) {
	t.Parallel()
	a := newAPIServer(t)
	a.put(sliceOf("db-1", "unready"))
	w := follow(t, newClusters(t, nil), probe.Spec{Kubeconfig: a.kubeconfig(t, "secret")})
	w.want(t, probe.Fail, "its only endpoint is not ready")
	a.put(sliceOf("db-2", "ready", "unready"))
	w.want(t, probe.Pass, "1 of 3 endpoints are ready")
	a.put(sliceOf("db-2", "unready", "unready"))
	w.want(t, probe.Fail, "none of its 3 endpoints is ready")
	a.put(sliceOf("db-1", "unsaid"))
	w.want(t, probe.Pass, "1 of 3 endpoints are ready")
	a.remove("db-1")
	w.want(t, probe.Fail, "none of its 2 endpoints is ready")
	a.remove("db-2")
	if got := w.prober.Probe(t.Context()); got.Outcome != probe.Fail || got.Reason != probe.ReasonNotReady {
		t.Errorf("Without a slice the result is %v", got)
	}
}

// Statement C05: a change is told by the watch, not found by asking again.
func TestC05_ChangesAreToldByOneWatch(t *testing.T) {
	t.Parallel()
	a := newAPIServer(t)
	a.put(sliceOf("db-1", "ready"))
	c := newClusters(t, nil)
	path := a.kubeconfig(t, "secret")
	all := make([]*watched, 0, 4)
	for _, port := range []string{"", "pg", "5432", "http"} {
		all = append(all, follow(t, c, probe.Spec{Kubeconfig: path, ServicePort: port}))
	}
	for _, w := range all[:3] {
		w.want(t, probe.Pass, "1 of 1 endpoints are ready")
	}
	all[3].want(t, probe.Fail, "1 of 1 endpoints are ready, and none of those has the port http, but pg 5432")
	eventually(t, "a watch", func() bool { _, _, watching := a.counts(); return watching == 1 })
	began := time.Now()
	a.put(sliceOf("db-1", "unready"))
	for _, w := range all[:3] {
		w.want(t, probe.Fail, "its only endpoint is not ready")
	}
	t.Logf("Told after %v", time.Since(began))
	if lists, opened, _ := a.counts(); lists != 1 || opened != 1 {
		t.Errorf("%d lists and %d watches for four checks", lists, opened)
	}
}

// Statement C05: the API server gone, the last state stays.
func TestC05_StaleWhileTheServerIsAway(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name   string
		answer http.HandlerFunc
		detail string
	}{
		{"forbidden", func(w http.ResponseWriter, _ *http.Request) {
			status(w, http.StatusForbidden, meta.StatusReasonForbidden)
		}, "it forbids us to list and watch EndpointSlices in the namespace prod"},
		{"unauthorized", func(w http.ResponseWriter, _ *http.Request) {
			status(w, http.StatusUnauthorized, meta.StatusReasonUnauthorized)
		}, "it does not accept our credentials"},
		{"error", func(w http.ResponseWriter, _ *http.Request) {
			status(w, http.StatusInternalServerError, meta.StatusReasonInternalError)
		}, "it answers with the status 500"},
		{"another server", func(w http.ResponseWriter, _ *http.Request) { http.NotFound(w, nil) },
			"it has no EndpointSlices (discovery.k8s.io/v1)"},
		{"garbage", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, strings.Repeat("garbage ", 1000)) },
			"it gives no proper answer"},
		{"a redirect", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/elsewhere", http.StatusFound) },
			"it answers with the status 302"},
		{"broken connections", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
			"it gives no proper answer"},
		{"no answer", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, "there is no answer in time"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			a := newAPIServer(t)
			a.put(sliceOf("db-1", "ready"))
			w := follow(t, newClusters(t, nil), probe.Spec{Kubeconfig: a.kubeconfig(t, "secret")})
			w.want(t, probe.Pass, "1 of 1 endpoints are ready")
			eventually(t, "a watch", func() bool { _, _, watching := a.counts(); return watching == 1 })
			a.instead(tc.answer)
			w.want(t, probe.Indeterminate, "the API server is away: "+tc.detail)
			if got := w.prober.Probe(t.Context()); got.Reason != probe.ReasonStale {
				t.Errorf("The reason is %s", got.Reason)
			}
			if tc.name == "no answer" {
				return // it comes back when the request is given up
			}
			a.instead(nil)
			w.want(t, probe.Pass, "1 of 1 endpoints are ready")
		})
	}
}

// Statement C05: an API server that is gone, and comes back at the same address.
func TestC05_ServerRestarts(t *testing.T) {
	t.Parallel()
	a := newAPIServer(t)
	a.put(sliceOf("db-1", "ready"))
	w := follow(t, newClusters(t, nil), probe.Spec{Kubeconfig: a.kubeconfig(t, "secret")})
	w.want(t, probe.Pass, "1 of 1 endpoints are ready")
	eventually(t, "a watch", func() bool { _, _, watching := a.counts(); return watching == 1 })
	address := a.Listener.Addr().String()
	a.Listener.Close()
	a.CloseClientConnections()
	w.want(t, probe.Indeterminate, "the API server is away: dial tcp "+address+": connect: connection refused")
	var listener net.Listener
	eventually(t, "the address again, which an outgoing connection may have for a moment", func() (free bool) {
		var err error
		listener, err = net.Listen("tcp", address)
		return err == nil
	})
	again := httptest.NewUnstartedServer(a.Config.Handler)
	again.Listener.Close()
	again.Listener, again.TLS = listener, a.TLS.Clone()
	again.StartTLS()
	t.Cleanup(func() { a.cut(); again.CloseClientConnections(); again.Close() })
	a.put(sliceOf("db-1", "unready"))
	w.want(t, probe.Fail, "its only endpoint is not ready")
}

// For a connection that breaks while a watch is asked for, client-go gives a watch that has ended, and no error. That must
// not pass for one.
func TestC05_StaleWithoutAWatch(t *testing.T) {
	t.Parallel()
	a := newAPIServerOf(t, false)
	a.put(sliceOf("db-1", "ready"))
	w := follow(t, newClusters(t, nil), probe.Spec{Kubeconfig: a.kubeconfig(t, "secret")})
	w.want(t, probe.Pass, "1 of 1 endpoints are ready")
	a.instead(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("watch") == "" {
			a.list(w)
			return
		}
		connection, _, err := http.NewResponseController(w).Hijack()
		if err == nil {
			connection.Close()
		}
	})
	w.want(t, probe.Indeterminate, "the API server is away: it has closed the connection")
	a.instead(nil)
	w.want(t, probe.Pass, "1 of 1 endpoints are ready")
}

func TestFeed_NothingToldYet(t *testing.T) {
	t.Parallel()
	a := newAPIServer(t)
	a.instead(func(w http.ResponseWriter, _ *http.Request) {
		status(w, http.StatusForbidden, meta.StatusReasonForbidden)
	})
	c := newClusters(t, nil)
	w := follow(t, c, probe.Spec{Kubeconfig: a.kubeconfig(t, "secret")})
	eventually(t, "a detail", func() bool {
		got := w.prober.Probe(t.Context())
		return got.Outcome == probe.Indeterminate && got.Reason == probe.ReasonStale &&
			got.Detail == "the API server has told nothing yet: it forbids us to list and watch EndpointSlices in the namespace prod"
	})
	a.instead(nil)
	w.want(t, probe.Fail, "there is no such Service, or it has no EndpointSlices")
}

// What happens every few minutes is no reason to call anything stale.
func TestFeed_EndsOfWatches(t *testing.T) {
	t.Parallel()
	a := newAPIServer(t)
	a.put(sliceOf("db-1", "ready"))
	var notices []Notice
	w := follow(t, newClusters(t, func(n Notice) { notices = append(notices, n) }), probe.Spec{Kubeconfig: a.kubeconfig(t, "secret")})
	w.want(t, probe.Pass, "1 of 1 endpoints are ready")
	watches := 0
	again := func(what string) {
		t.Helper()
		eventually(t, what, func() bool { _, opened, watching := a.counts(); return opened > watches && watching == 1 })
		_, watches, _ = a.counts()
	}
	again("the first watch")
	a.put(sliceOf("db-1", "ready", "ready"))
	a.cut()
	again("a watch after one that has ended")
	gone := meta.Status{TypeMeta: meta.TypeMeta{APIVersion: "v1", Kind: "Status"}, Status: "Failure", Code: 410, Reason: meta.StatusReasonExpired}
	a.say(line("ERROR", gone))
	again("a watch after 410")
	a.say("{garbage")
	again("a watch after garbage")
	a.say(line("ADDED", map[string]any{"apiVersion": "v1", "kind": "Pod", "metadata": map[string]any{"name": "x"}}))
	a.say(line("ODD", sliceOf("db-9", "ready")))
	a.put(sliceOf("db-1", "unready"))
	w.want(t, probe.Fail, "its only endpoint is not ready")
	if lists, _, _ := a.counts(); lists > 4 {
		t.Errorf("%d lists", lists)
	}
	if len(notices) > 0 {
		t.Errorf("Notices %v", notices)
	}
}

// A timer that runs down while a watch begins, or while it is set again, says nothing: the next to correct it would be the
// end of that watch, minutes later.
func TestFeed_LateTimer(t *testing.T) {
	t.Parallel()
	f := newFeed(&server{told: func(n Notice) { t.Errorf("Notice %v", n) }}, "prod")
	defer f.timer.Stop()
	defer f.cancel()
	f.listed()
	f.giveUp()
	f.followed()
	f.giveUp()
	if got := f.judge("db", ""); got.Outcome != probe.Fail {
		t.Errorf("With a watch the result is %v", got)
	}
	f.unfollowed()
	f.giveUp()
	if got := f.judge("db", ""); got.Outcome != probe.Fail {
		t.Errorf("Within the time of grace the result is %v", got)
	}
}

// A server that ends each watch at once is not asked more often than once a second.
func TestFeed_IsNoFlood(t *testing.T) {
	t.Parallel()
	a := newAPIServer(t)
	a.put(sliceOf("db-1", "ready"))
	w := follow(t, newClusters(t, nil), probe.Spec{Kubeconfig: a.kubeconfig(t, "secret")})
	w.want(t, probe.Pass, "1 of 1 endpoints are ready")
	asked := 0
	var mu sync.Mutex
	began := time.Now()
	a.instead(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		asked++
		mu.Unlock()
		if r.URL.Query().Get("watch") == "" {
			a.list(w)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintln(w, line("MODIFIED", sliceOf("db-1", "ready")))
	})
	eventually(t, "requests", func() bool { mu.Lock(); defer mu.Unlock(); return asked >= 8 })
	if took := time.Since(began); took < 2*time.Second {
		t.Errorf("8 requests within %v", took)
	}
}

// One feed that all checks share, of whatever age; nothing is left after the last.
func TestFeed_OutlivesReloads(t *testing.T) {
	t.Parallel()
	a := newAPIServer(t)
	a.put(sliceOf("db-1", "ready"))
	c := newClusters(t, nil)
	spec := probe.Spec{Kubeconfig: a.kubeconfig(t, "secret")}
	first := follow(t, c, spec)
	first.want(t, probe.Pass, "1 of 1 endpoints are ready")
	for range 5 {
		next := follow(t, c, spec)
		if got := next.prober.Probe(t.Context()); got.Outcome != probe.Pass {
			t.Fatalf("A check that joins gets %v", got)
		}
		first.stop()
		first.stop()
		first = next
	}
	eventually(t, "a watch", func() bool { _, _, watching := a.counts(); return watching == 1 })
	if lists, opened, _ := a.counts(); lists != 1 || opened != 1 {
		t.Errorf("%d lists and %d watches", lists, opened)
	}
	first.stop()
	c.Wait()
	eventually(t, "the end of the watch", func() bool { _, _, watching := a.counts(); return watching == 0 })
	if len(c.byScope)+len(c.servers) > 0 {
		t.Errorf("Left: %v %v", c.byScope, c.servers)
	}
	again := follow(t, c, spec)
	again.want(t, probe.Pass, "1 of 1 endpoints are ready")
}

// A cluster's server is told about once, however many of its namespaces are followed.
func TestFeed_Notices(t *testing.T) {
	t.Parallel()
	a := newAPIServer(t)
	var mu sync.Mutex
	var notices []Notice
	c := newClusters(t, func(n Notice) {
		mu.Lock()
		defer mu.Unlock()
		notices = append(notices, n)
	})
	told := func() []Notice {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(notices)
	}
	a.instead(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	spec := probe.Spec{Kubeconfig: a.kubeconfig(t, "secret"), Context: "two"}
	all := make([]*watched, 0, 4)
	for _, service := range []string{"db", "web", "cache"} {
		spec.Service = service
		all = append(all, follow(t, c, spec))
	}
	eventually(t, "a notice", func() bool { return len(told()) > 0 })
	a.instead(nil)
	for _, w := range all {
		w.want(t, probe.Fail, "there is no such Service, or it has no EndpointSlices")
	}
	eventually(t, "the other notice", func() bool { return len(told()) > 1 })
	access := Access{Kubeconfig: spec.Kubeconfig, Context: "two"}
	want := []Notice{{Access: access, Away: true, Cause: "it gives no proper answer"}, {Access: access}}
	if got := told(); !slices.Equal(got, want) {
		t.Errorf("Notices\n%v\nwant\n%v", got, want)
	}
}

// Credentials that are changed in the file are used as soon as the server is asked again.
func TestFeed_NewCredentials(t *testing.T) {
	t.Parallel()
	a := newAPIServer(t)
	a.put(sliceOf("db-1", "ready"))
	path := a.kubeconfig(t, "old")
	w := follow(t, newClusters(t, nil), probe.Spec{Kubeconfig: path})
	w.want(t, probe.Pass, "1 of 1 endpoints are ready")
	eventually(t, "a watch", func() bool { _, _, watching := a.counts(); return watching == 1 })
	if err := os.WriteFile(path, []byte("half of a file: ["), 0o600); err != nil {
		t.Fatal(err)
	}
	a.cut()
	eventually(t, "a watch with the last good credentials", func() bool { _, opened, watching := a.counts(); return opened == 2 && watching == 1 })
	a.writeKubeconfig(t, path, "new")
	a.cut()
	eventually(t, "a watch with the new ones", func() bool {
		a.mu.Lock()
		defer a.mu.Unlock()
		return a.seen[len(a.seen)-1] == "Bearer new" && len(a.watches) == 1
	})
	a.put(sliceOf("db-1", "unready"))
	w.want(t, probe.Fail, "its only endpoint is not ready")
}

// A token in a file of its own that is refused is read again at once, and not within a minute as else.
func TestFeed_RefusedTokenFile(t *testing.T) {
	t.Parallel()
	a := newAPIServer(t)
	a.put(sliceOf("db-1", "ready"))
	path := a.kubeconfig(t, "none")
	token := filepath.Join(filepath.Dir(path), "token")
	write := func(path, text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	write(path, strings.Replace(string(text), "{token: none}", "{tokenFile: token}", 1))
	write(token, "old\n")
	w := follow(t, newClusters(t, nil), probe.Spec{Kubeconfig: path})
	w.want(t, probe.Pass, "1 of 1 endpoints are ready")
	eventually(t, "a watch", func() bool { _, _, watching := a.counts(); return watching == 1 })

	write(token, "")
	a.instead(func(w http.ResponseWriter, _ *http.Request) {
		status(w, http.StatusUnauthorized, meta.StatusReasonUnauthorized)
	})
	w.want(t, probe.Indeterminate, fmt.Sprintf("the API server is away: read empty token from file %q", token))
	write(token, "new\n")
	a.instead(nil)
	w.want(t, probe.Pass, "1 of 1 endpoints are ready") // client-go by itself would take 50 s
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.seen[0] != "Bearer old" || a.seen[len(a.seen)-1] != "Bearer new" {
		t.Errorf("It came with %q", a.seen)
	}
}
