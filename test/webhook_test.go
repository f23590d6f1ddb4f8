package test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/seed-a19ac2b6/failover/test/harness"
)

// told is a request that a receiver got.
type told struct {
	header http.Header
	path   string
	body   []byte
	event  struct {
		Seq             int
		Kind, Set, Text string
		First           bool
	}
}

// receiver is who is told. It takes what comes, answers 500, or hangs until it is told to do something else.
type receiver struct {
	port int

	mu    sync.Mutex
	takes bool
	hangs chan struct{} // nil: it does not
	got   []told        // that it took
	tries []told        // that it did not
}

func receive(t *testing.T) *receiver {
	t.Helper()
	r := &receiver{port: harness.FreePort(t), takes: true}
	l, err := harness.Listen(net.JoinHostPort("127.0.0.1", strconv.Itoa(r.port)))
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: r, ReadHeaderTimeout: time.Minute}
	go func() { _ = server.Serve(l) }()
	t.Cleanup(func() { server.Close() })
	return r
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	one := told{header: req.Header, path: req.URL.String()}
	one.body, _ = io.ReadAll(req.Body)
	_ = json.Unmarshal(one.body, &one.event)
	r.mu.Lock()
	hangs := r.hangs
	if !r.takes || hangs != nil {
		r.tries = append(r.tries, one)
		r.mu.Unlock()
		if hangs != nil {
			<-hangs
		}
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	r.got = append(r.got, one)
	r.mu.Unlock()
}

// will says what it does from now on.
func (r *receiver) will(take, hang bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.hangs != nil {
		close(r.hangs)
		r.hangs = nil
	}
	if hang {
		r.hangs = make(chan struct{})
	}
	r.takes = take
}

// kinds are those of the events that it took.
func (r *receiver) kinds() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	kinds := make([]string, 0, len(r.got))
	for _, one := range r.got {
		kinds = append(kinds, one.event.Kind)
	}
	return kinds
}

func (r *receiver) tried() []told {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.tries)
}

// await waits until it took an event, and returns that.
func (r *receiver) await(t *testing.T, within time.Duration, kind string) told {
	t.Helper()
	at := -1
	harness.Eventually(t, within, "a receiver is told of "+kind, func() bool {
		at = slices.Index(r.kinds(), kind)
		return at >= 0
	})
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.got[at]
}

// wantSigned checks a signature as a receiver does.
func wantSigned(t *testing.T, key string, one told) {
	t.Helper()
	id, stamp := one.header.Get("Webhook-Id"), one.header.Get("Webhook-Timestamp")
	mac := hmac.New(sha256.New, []byte(key))
	fmt.Fprintf(mac, "%s.%s.%s", id, stamp, one.body)
	want := "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
	if got := one.header.Get("Webhook-Signature"); got != want || id == "" {
		t.Errorf("Expected the signature %s of message %q, got %q", want, id, got)
	}
	seconds, err := strconv.ParseInt(stamp, 10, 64)
	if since := time.Since(time.Unix(seconds, 0)); err != nil || since < -2*time.Second || since > time.Minute {
		t.Errorf("Expected the time of the request, got %q", stamp)
	}
}

// TestWebhookTellsWhateverTheReceiverDoes moves a record set to and fro while its receiver takes what comes, hangs, fails
// and mends, over a reload. DNS must not notice, and nothing secret must be seen.
func TestWebhookTellsWhateverTheReceiverDoes(t *testing.T) {
	t.Parallel()
	const key = "canary-is-the-key-to-sign-with"
	e, r := harness.Serve(t), receive(t)
	corefile := func(events string) string {
		return harness.Zone(fmt.Sprintf(`
			webhook http://canary:canary@127.0.0.1:%d/canary?canary=canary token_file key %s
			check web %s interval 200ms timeout 10s fast 50ms fall 2 rise 1
			primary   www 192.0.2.1 check web
			secondary www 198.51.100.1`, r.port, events, e.URL()), "prometheus 127.0.0.1:@METRICS@", "pprof 127.0.0.1:@PPROF@")
	}
	s := harness.Start(t, corefile(""), "key", key+"\n")
	s.AwaitA(t, harness.Soon, "www", "192.0.2.1")

	e.Set(harness.Fail)
	s.AwaitA(t, harness.Soon, "www", "198.51.100.1")
	one := r.await(t, harness.Soon, "failover")
	wantSigned(t, key, one)
	if one.event.Set != "www.example.org." || one.event.Text != "www.example.org. A/AAAA has failed over from primary to secondary" {
		t.Errorf("Expected the failover of www, got %s", one.body)
	}
	user, password, _ := (&http.Request{Header: one.header}).BasicAuth()
	if one.path != "/canary?canary=canary" || user != "canary" || password != "canary" {
		t.Errorf("Expected the whole URL, got %s by %s", one.path, user)
	}
	if kinds := r.kinds(); slices.Contains(kinds, "transition") {
		t.Errorf("Expected no transitions, which were not asked for, got %q", kinds)
	}

	r.will(false, true)
	e.Set(harness.OK)
	s.AwaitA(t, harness.Soon, "www", "192.0.2.1")
	harness.Eventually(t, harness.Soon, "a try that hangs", func() bool { return len(r.tried()) > 0 })
	slowest := time.Duration(0)
	for range 300 {
		began := time.Now()
		if got := s.A(t, "www"); got != "192.0.2.1" {
			t.Fatalf("Expected answers while a receiver hangs, got %q", got)
		}
		slowest = max(slowest, time.Since(began))
	}
	if slowest > time.Second {
		t.Errorf("Expected answers while a receiver hangs, the slowest took %v", slowest)
	}
	s.SignalReload(t, corefile("events failover all_down transition"), false)
	if got := s.Metric(t, "coredns_failover_webhook_queue"); got < 1 {
		t.Errorf("Expected messages to wait over a reload, got %v", got)
	}
	r.will(false, false)
	harness.Eventually(t, harness.Soon, "a second try", func() bool { return len(r.tried()) > 1 })
	r.will(true, false)
	back := r.await(t, 2*harness.Soon, "failback")
	wantSigned(t, key, back)
	for _, try := range r.tried() {
		if try.event.Seq == back.event.Seq && try.header.Get("Webhook-Id") != back.header.Get("Webhook-Id") {
			t.Errorf("Expected all tries of a message to have one id, got %s and %s",
				try.header.Get("Webhook-Id"), back.header.Get("Webhook-Id"))
		}
	}
	if !back.event.First {
		t.Errorf("Expected a failback to the primary, got %s", back.body)
	}
	e.Set(harness.Fail)
	r.await(t, harness.Soon, "transition") // as the new words want

	harness.Eventually(t, harness.Soon, "an empty queue", func() bool {
		return s.Metric(t, "coredns_failover_webhook_queue") == 0
	})
	label := fmt.Sprintf("127.0.0.1:%d", r.port)
	for _, result := range []string{"ok", "retry"} {
		if got := s.Metric(t, "coredns_failover_webhook_sent_total", "webhook", label, "result", result); got < 1 {
			t.Errorf("Expected requests to be counted as %s, got %v", result, got)
		}
	}
	if got := s.Metric(t, "coredns_failover_webhook_dropped_total", "webhook", label); got != 0 {
		t.Errorf("Expected nothing to be given up, got %v", got)
	}

	// The end does not wait for one that hangs.
	r.will(false, true)
	e.Set(harness.OK)
	s.AwaitA(t, harness.Soon, "www", "192.0.2.1")
	_, page, err := s.Get(t, "@METRICS@", "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	s.Stop(t)
	if took := time.Since(began); took > harness.Soon {
		t.Errorf("Expected the server to end soon, it took %v", took)
	}
	r.will(true, false)
	for _, text := range []string{page, s.Log.String()} {
		if strings.Contains(text, "canary") {
			t.Errorf("Expected no secret in logs and metrics, got:\n%s", text)
		}
	}
	if s.Log.Count("[WARNING] plugin/failover: webhook "+label+": status 500, and is tried again") == 0 {
		t.Error("Expected the trouble with the receiver in the log")
	}
}
