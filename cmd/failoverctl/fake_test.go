package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/seed-a19ac2b6/failover/plugin/failover/api"
)

// noon is when everything happens at the fake server.
var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// fake is an admin API with a few checks and record sets that do not change by themselves.
type fake struct {
	url string

	mu       sync.Mutex
	status   api.Status
	sets     []api.Set
	checks   []api.Check
	events   []api.Event
	manual   []api.Manual
	drills   []api.Drill
	requests []string
	changed  chan struct{} // closed at the next change
}

func newFake(t *testing.T) *fake {
	t.Helper()
	f := &fake{changed: make(chan struct{})}
	f.status = api.Status{Version: "CoreDNS-1.15.0", Started: noon.Add(-26 * time.Hour), Now: noon, Ready: true, Manual: 1, Event: 3}
	f.status.Checks.Healthy, f.status.Checks.Unhealthy, f.status.Checks.Held = 1, 1, 1
	f.status.Sets.All, f.status.Sets.FailedOver, f.status.Sets.AllDown = 2, 1, 1
	f.manual = []api.Manual{{
		ID: 4, Checks: "web@*", State: api.Healthy, Reason: "disks are\x1b[2J being changed", Author: "ann",
		Since: noon.Add(-time.Minute), Until: new(noon.Add(29 * time.Minute)), Matches: 1,
	}}
	const primary, secondary = "web@http://192.0.2.1:80/healthz", "web@http://198.51.100.1:80/healthz"
	f.checks = []api.Check{
		{
			ID: primary, Name: "web", Target: "http://192.0.2.1:80/healthz", State: api.Unhealthy, Real: api.Unhealthy,
			Held: true, Since: new(noon.Add(-90 * time.Second)), Reason: "status", Detail: "status 500",
			Last: &api.Probe{At: noon.Add(-1500 * time.Millisecond)}, Sets: []string{"www.example.org. A/AAAA"},
		},
		{
			ID: secondary, Name: "web", Target: "http://198.51.100.1:80/healthz", State: api.Healthy, Real: api.Unknown,
			Manual: &f.manual[0], Sets: []string{"www.example.org. A/AAAA"},
		},
	}
	f.sets = []api.Set{
		{
			Zone: "example.org.", Name: "api.example.org.", Type: "A", Policy: "weighted", TTL: 10, AllDown: true,
			Records: []api.Record{
				{ID: "blue", Odds: 1. / 3, Weight: new(uint16(1)), Values: []api.Value{{Data: "192.0.2.11", Type: "A"}}},
				{ID: "green", Odds: 2. / 3, Weight: new(uint16(2)), Alias: "green.example.org.", Checks: []string{"gate"}},
			},
		},
		{
			Zone: "example.org.", Name: "www.example.org.", Type: "A/AAAA", Policy: "failover", TTL: 10, Active: "us",
			FailbackWaits: "primary", FailbackAt: new(noon.Add(3 * time.Minute)),
			Records: []api.Record{
				{ID: "primary", Values: []api.Value{{Data: "192.0.2.1", Type: "A", Checks: []string{primary}}}},
				{ID: "us", Healthy: true, Odds: 1, Values: []api.Value{
					{Data: "198.51.100.1", Type: "A", Healthy: true, Checks: []string{secondary}},
					{Data: "2001:db8::1", Type: "AAAA", Healthy: true, Checks: []string{secondary}},
				}},
			},
		},
	}
	f.events = []api.Event{
		{Seq: 1, At: noon.Add(-2 * time.Hour), Kind: api.EventConnected, Text: "this server is connected"},
		{Seq: 2, At: noon.Add(-90 * time.Second), Kind: api.EventTransition, To: api.Unhealthy, Text: "check web is unhealthy"},
		{Seq: 3, At: noon.Add(-90 * time.Second), Kind: api.EventFailover, Text: "www.example.org. went to us"},
	}
	server := httptest.NewServer(f.routes())
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	f.url = server.URL
	return f
}

// change changes the fake and tells those who stream.
func (f *fake) change(what func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	what()
	f.status.Event = uint64(len(f.events))
	close(f.changed)
	f.changed = make(chan struct{})
}

func refuse(w http.ResponseWriter, code int, field, text string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(api.Error{Error: text, Field: field})
}

func (f *fake) routes() http.Handler {
	mux := http.NewServeMux()
	// on answers with what a function gives, nil for what it has answered itself.
	on := func(pattern string, code int, serve func(w http.ResponseWriter, r *http.Request) any) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			f.mu.Lock()
			defer f.mu.Unlock()
			if r.Method != http.MethodGet {
				f.requests = append(f.requests, r.Method+" "+r.URL.RequestURI())
			}
			if value := serve(w, r); value != nil {
				w.Header().Set("Content-Type", "application/json")
				w.WriteHeader(code)
				_ = json.NewEncoder(w).Encode(value)
			}
		})
	}
	on("GET /v1/status", 200, func(http.ResponseWriter, *http.Request) any { return f.status })
	on("GET /v1/manual", 200, func(http.ResponseWriter, *http.Request) any { return api.Manuals{Manual: f.manual} })
	on("GET /v1/drills", 200, func(http.ResponseWriter, *http.Request) any { return api.Drills{Drills: f.drills} })
	on("GET /v1/sets", 200, f.listSets)
	on("GET /v1/checks", 200, f.listChecks)
	on("GET /v1/checks/{id...}", 200, func(w http.ResponseWriter, r *http.Request) any {
		i := slices.IndexFunc(f.checks, func(c api.Check) bool { return c.ID == r.PathValue("id") })
		if i < 0 {
			refuse(w, 404, "id", "there is no such check")
			return nil
		}
		return f.checks[i]
	})
	on("GET /v1/events", 200, func(_ http.ResponseWriter, r *http.Request) any {
		after, _ := strconv.Atoi(r.URL.Query().Get("after"))
		return api.Events{Events: f.events[min(after, len(f.events)):], Last: uint64(len(f.events))}
	})
	on("GET /v1/explain", 200, func(w http.ResponseWriter, r *http.Request) any {
		if r.URL.Query().Get("name") == "none" {
			refuse(w, 404, "name", "no zone of this server has it")
			return nil
		}
		return map[string]any{"text": []string{"asked " + r.URL.RawQuery, "  so\x07 it is"}}
	})
	on("POST /v1/manual", 201, f.newManual)
	on("DELETE /v1/manual", 200, func(_ http.ResponseWriter, r *http.Request) any {
		return f.restore(func(m api.Manual) bool { return m.Checks == r.URL.Query().Get("match") })
	})
	on("DELETE /v1/manual/{id}", 200, func(_ http.ResponseWriter, r *http.Request) any {
		return f.restore(func(m api.Manual) bool { return strconv.FormatUint(m.ID, 10) == r.PathValue("id") })
	})
	on("POST /v1/failback", 200, func(_ http.ResponseWriter, r *http.Request) any {
		var n api.NewFailback
		_ = json.NewDecoder(r.Body).Decode(&n)
		return api.Failback{Zone: "example.org.", Name: n.Name, Type: "A/AAAA", From: "us", To: "primary"}
	})
	mux.HandleFunc("GET /v1/stream", f.stream)
	return mux
}

func (f *fake) listSets(_ http.ResponseWriter, r *http.Request) any {
	page := api.Sets{Sets: []api.Set{}}
	q := r.URL.Query()
	limit, _ := strconv.Atoi(q.Get("limit"))
	for _, s := range f.sets {
		if match := q.Get("match"); match != "" && match != s.Name && !wild(match, s.Name) {
			continue
		}
		if len(page.Sets) == limit {
			page.Next = s.Name
			break
		}
		page.Sets = append(page.Sets, s)
	}
	return page
}

func (f *fake) listChecks(_ http.ResponseWriter, r *http.Request) any {
	page := api.Checks{Checks: []api.Check{}}
	q := r.URL.Query()
	for _, c := range f.checks {
		if match := q.Get("match"); match != "" && match != c.Name && !wild(match, c.ID) || q.Get("state") != "" && q.Get("state") != c.State {
			continue
		}
		c.Sets = nil
		page.Checks = append(page.Checks, c)
	}
	return page
}

// wild is about a wildcard at the end only.
func wild(pattern, text string) bool {
	begin, is := strings.CutSuffix(pattern, "*")
	return is && strings.HasPrefix(text, begin)
}

func (f *fake) newManual(w http.ResponseWriter, r *http.Request) any {
	var n api.NewManual
	if err := json.NewDecoder(r.Body).Decode(&n); err != nil {
		refuse(w, 400, "", err.Error())
		return nil
	}
	if n.Checks == "refused" {
		refuse(w, 400, "checks", "it has what no check's name has")
		return nil
	}
	m := api.Manual{ID: 5, Checks: n.Checks, State: n.State, Reason: n.Reason, Author: n.Author, Since: noon}
	if length, err := time.ParseDuration(n.For); err == nil {
		m.Until = new(noon.Add(length))
	}
	if n.Checks == "web" {
		m.Matches = 2
	}
	return m
}

func (f *fake) restore(chosen func(api.Manual) bool) api.Ended {
	ended := api.Ended{Ended: []api.Manual{}}
	f.manual = slices.DeleteFunc(f.manual, func(m api.Manual) bool {
		if chosen(m) {
			ended.Ended = append(ended.Ended, m)
			return true
		}
		return false
	})
	return ended
}

func (f *fake) stream(w http.ResponseWriter, r *http.Request) {
	after, _ := strconv.Atoi(r.URL.Query().Get("after"))
	w.Header().Set("Content-Type", "text/event-stream")
	for {
		f.mu.Lock()
		status, _ := json.Marshal(f.status)
		fmt.Fprintf(w, "event: status\ndata: %s\n\n", status)
		for ; after < len(f.events); after++ {
			event, _ := json.Marshal(f.events[after])
			fmt.Fprintf(w, "event: journal\nid: %d\ndata: %s\n\n", f.events[after].Seq, event)
		}
		changed := f.changed
		f.mu.Unlock()
		w.(http.Flusher).Flush()
		select {
		case <-changed:
		case <-r.Context().Done():
			return
		}
	}
}
