package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/seed-a19ac2b6/failover/plugin/failover/api"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// serve gives a client of a server that answers by the handler.
func serve(t *testing.T, o Options, handler http.HandlerFunc) *Client {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	o.Server = server.URL
	c, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func answer(w http.ResponseWriter, code int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(value)
}

func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestOptions(t *testing.T) {
	token := write(t, "token", "secret\n")
	for _, tc := range []struct {
		name string
		o    Options
		want string // in the error; empty: none
	}{
		{"http", Options{Server: "http://127.0.0.1:9180"}, ""},
		{"slash", Options{Server: "http://127.0.0.1:9180/"}, ""},
		{"IPv6", Options{Server: "https://[::1]:9180", TokenFile: token}, ""},
		{"unix", Options{Server: "unix:/run/failover.sock"}, ""},
		{"nothing", Options{}, "is not http://HOST:PORT"},
		{"no scheme", Options{Server: "127.0.0.1:9180"}, "is not http://HOST:PORT"},
		{"other scheme", Options{Server: "ftp://127.0.0.1"}, "is not http://HOST:PORT"},
		{"no host", Options{Server: "http://:9180"}, "is not http://HOST:PORT"},
		{"no path", Options{Server: "unix:"}, "takes the path of a socket"},
		{"user", Options{Server: "http://u:p@127.0.0.1"}, "no user"},
		{"no token", Options{Server: "unix:/x", TokenFile: "/none"}, "no such file"},
		{"empty token", Options{Server: "unix:/x", TokenFile: write(t, "t", "\nsecret\n")}, "is empty"},
		{"odd token", Options{Server: "unix:/x", TokenFile: write(t, "t", "sec\x01ret\n")}, "no token has"},
		{"CA over http", Options{Server: "http://127.0.0.1", CAFile: token}, "https://"},
		{"no CA", Options{Server: "https://127.0.0.1", CAFile: "/none"}, "no such file"},
		{"odd CA", Options{Server: "https://127.0.0.1", CAFile: token}, "no certificate in"},
		{"no key", Options{Server: "https://127.0.0.1", CertFile: token}, "come together"},
		{"odd certificate", Options{Server: "https://127.0.0.1", CertFile: token, KeyFile: token}, "cert: "},
	} {
		_, err := New(tc.o)
		if (err == nil) != (tc.want == "") || err != nil && !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: Expected the error %q, got %v", tc.name, tc.want, err)
		}
		if err != nil && strings.Contains(err.Error(), "ret") {
			t.Errorf("%s: Expected no token in the error, got %v", tc.name, err)
		}
	}
}

func TestRequest(t *testing.T) {
	var got *http.Request
	var body string
	c := serve(t, Options{TokenFile: write(t, "token", " secret \nrest\n")}, func(w http.ResponseWriter, r *http.Request) {
		text, _ := io.ReadAll(r.Body)
		got, body = r, string(text)
		answer(w, http.StatusCreated, api.Manual{ID: 7, Matches: 2})
	})
	m, err := c.Force(t.Context(), api.NewManual{Checks: "web", State: api.Unhealthy, Reason: "a", Author: "b", For: "5m0s"})
	if err != nil || m.ID != 7 || m.Matches != 2 {
		t.Errorf("Expected the manual state 7, got %+v and error %v", m, err)
	}
	if got.Method != "POST" || got.URL.Path != "/v1/manual" || got.Header.Get("Content-Type") != "application/json" ||
		got.Header.Get("Authorization") != "Bearer secret" {
		t.Errorf("Expected a POST with token and type, got %s %s %v", got.Method, got.URL, got.Header)
	}
	if want := `{"checks":"web","state":"unhealthy","reason":"a","author":"b","for":"5m0s"}`; body != want {
		t.Errorf("Expected the body %s, got %s", want, body)
	}
}

// TestFailures wants to tell a server that refuses from one that is no admin API or does not answer.
func TestFailures(t *testing.T) {
	ended := make(chan struct{})
	defer close(ended)
	for _, tc := range []struct {
		name    string
		handler http.HandlerFunc
		code    int // of a refusal; 0: unreachable
		want    string
	}{
		{"field", func(w http.ResponseWriter, _ *http.Request) {
			answer(w, 400, api.Error{Error: "it is empty", Field: "reason"})
		}, 400, "the server says no: reason: it is empty"},
		{"no token", func(w http.ResponseWriter, _ *http.Request) {
			answer(w, 401, api.Error{Error: "give a token"})
		}, 401, "does not know who asks: give a token"},
		{"somebody else", func(w http.ResponseWriter, r *http.Request) { http.NotFound(w, r) }, 0, "no admin API answers there: status 404"},
		{"HTML", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>") }, 0, "not that of an admin API"},
		{"redirect", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://192.0.2.1/", http.StatusFound)
		}, 0, "status 302"},
		{"half", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			fmt.Fprint(w, "{")
		}, 0, "unexpected EOF"},
		{"hangs", func(_ http.ResponseWriter, r *http.Request) {
			select {
			case <-r.Context().Done():
			case <-ended:
			}
		}, 0, "no answer in time"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := serve(t, Options{Timeout: 200 * time.Millisecond}, tc.handler)
			_, err := c.Status(t.Context())
			refused, is := errors.AsType[*Refused](err)
			if is != (tc.code != 0) || is && refused.Code != tc.code || err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("Expected %q, got %v", tc.want, err)
			}
			if _, is := errors.AsType[*Unreachable](err); is != (tc.code == 0) {
				t.Errorf("Expected unreachable to be %v, got %v", tc.code == 0, err)
			}
		})
	}
	t.Run("nobody", func(t *testing.T) {
		c, err := New(Options{Server: "unix:" + filepath.Join(t.TempDir(), "none")})
		if err != nil {
			t.Fatal(err)
		}
		_, err = c.Status(t.Context())
		if _, is := errors.AsType[*Unreachable](err); !is || !strings.Contains(err.Error(), "none: connect: no such file") {
			t.Errorf("Expected it to be unreachable, got %v", err)
		}
	})
	t.Run("canceled", func(t *testing.T) {
		c := serve(t, Options{}, func(w http.ResponseWriter, _ *http.Request) { answer(w, 200, api.Status{}) })
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := c.Status(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("Expected the error of the context, got %v", err)
		}
	})
}

func TestUnixSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "admin.sock")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	host := make(chan string, 1)
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host <- r.Host
		answer(w, 200, api.Status{Version: "1"})
	})}
	go func() { _ = server.Serve(l) }()
	defer server.Close()
	c, err := New(Options{Server: "unix:" + path})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	s, err := c.Status(t.Context())
	if err != nil || s.Version != "1" {
		t.Errorf("Expected version 1, got %+v and error %v", s, err)
	}
	if got := <-host; got != "localhost" {
		t.Errorf("Expected the host localhost, got %s", got)
	}
}

// TestPages wants page after page until there are no more, or enough.
func TestPages(t *testing.T) {
	const n = 2500
	c := serve(t, Options{}, func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		from, _ := strconv.Atoi(q.Get("after"))
		limit, _ := strconv.Atoi(q.Get("limit"))
		var p api.Sets
		for i := from; i < min(n, from+limit); i++ {
			p.Sets = append(p.Sets, api.Set{Name: strconv.Itoa(i)})
		}
		if from+limit < n {
			p.Next = strconv.Itoa(from + limit)
		}
		answer(w, 200, p)
	})
	for _, tc := range []struct {
		most, want int
		more       bool
	}{{0, n, false}, {10, 10, true}, {1000, 1000, true}, {2400, 2400, true}, {n, n, false}, {n + 1, n, false}} {
		sets, more, err := c.Sets(t.Context(), Find{Most: tc.most})
		if err != nil || len(sets) != tc.want || more != tc.more || sets[tc.want-1].Name != strconv.Itoa(tc.want-1) {
			t.Errorf("Most %d: Expected %d (more: %v), got %d (%v) and error %v", tc.most, tc.want, tc.more, len(sets), more, err)
		}
	}
}

func TestEvents(t *testing.T) {
	const first, last = 100, 2300 // the server has forgotten those before
	c := serve(t, Options{}, func(w http.ResponseWriter, r *http.Request) {
		after, _ := strconv.Atoi(r.URL.Query().Get("after"))
		limit, _ := strconv.Atoi(r.URL.Query().Get("limit"))
		e := api.Events{Last: last}
		for i := max(first, after+1); i <= last && len(e.Events) < limit; i++ {
			e.Events = append(e.Events, api.Event{Seq: uint64(i)})
		}
		answer(w, 200, e)
	})
	for after, want := range map[uint64]int{0: last - first + 1, 2290: 10, last: 0, last + 5: 0} {
		events, got, err := c.Events(t.Context(), after)
		if err != nil || len(events) != want || got != last {
			t.Errorf("After %d: Expected %d events, got %d (last %d) and error %v", after, want, len(events), got, err)
		}
	}
}

func TestExplain(t *testing.T) {
	c := serve(t, Options{}, func(w http.ResponseWriter, r *http.Request) {
		if got := r.URL.RawQuery; got != "assume=a%40b%3Ddown&assume=c%3Dup&client=192.0.2.9&name=www.example.org&type=A" {
			t.Errorf("Got the query %s", got)
		}
		answer(w, 200, map[string]any{"text": []string{"one", "two"}, "later": 1})
	})
	raw, text, err := c.Explain(t.Context(), Question{
		Name: "www.example.org", Type: "A", Client: "192.0.2.9", Assume: []string{"a@b=down", "c=up"},
	})
	if err != nil || strings.Join(text, " ") != "one two" || !strings.Contains(string(raw), `"later":1`) {
		t.Errorf("Expected two lines, and fields of a newer server, got %q of %s and error %v", text, raw, err)
	}
}
