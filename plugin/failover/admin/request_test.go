package admin

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"
)

func TestBodies(t *testing.T) {
	fx := open(t, Line{Local: true})
	large := `{"checks":"` + strings.Repeat("x", maxBody) + `"}`
	for _, tc := range []struct {
		body, want string
		status     int
	}{
		{large, "longer than 65536 octets", http.StatusRequestEntityTooLarge},
		{`{"checks":"web","sate":"unhealthy"}`, `"field":"sate"`, http.StatusBadRequest},
		{`{"checks":["web"]}`, `"field":"checks"`, http.StatusBadRequest},
		{`{"checks":"web"`, `"error"`, http.StatusBadRequest},
		{`[]`, `"error"`, http.StatusBadRequest},
		{`null`, `"field":"author"`, http.StatusBadRequest},
		{down + down, `"error"`, http.StatusBadRequest},
		{strings.Repeat("[", 60_000), `"error"`, http.StatusBadRequest},
		{"\xff\xfe", `"error"`, http.StatusBadRequest},
	} {
		status, _, text := fx.ask(post, asJSON, "", tc.body)
		if status != tc.status || !strings.Contains(text, tc.want) {
			t.Errorf("%.40s: %d %s, want %d %s", tc.body, status, text, tc.status, tc.want)
		}
	}
	if n := len(fx.backend.manual); n != 0 {
		t.Errorf("%d manual states were made", n)
	}
}

func TestPathTricks(t *testing.T) {
	fx := open(t, Line{Token: token})
	for _, path := range []string{
		"//v1/status", "/v1//status", "/v1/./status", "/v1/../v1/status", "/v1/status/", "/assets/../v1/status", "/v1/",
		"/v1/checks/../../etc/passwd", "/V1/status", "/v1/%2e%2e/v1/status", "/v1/status%00", "/debug/pprof/", "/metrics",
		"/..%2f..%2fetc%2fpasswd", "/v1/stat%75s/x",
	} {
		_, reader := fx.raw("GET " + path + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
		answer, err := http.ReadResponse(reader, nil)
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		answer.Body.Close()
		if answer.StatusCode != http.StatusNotFound && answer.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: %s", path, answer.Status)
		}
	}
	fx.want(http.StatusOK, "GET /v1/checks/web@http:%2F%2F192.0.2.1:80%2F", rightly)
	fx.want(http.StatusMethodNotAllowed, "PUT /v1/manual", rightly)
	fx.want(http.StatusMethodNotAllowed, "TRACE /v1/status", rightly)
}

func TestSlowClients(t *testing.T) {
	fx := open(t, Line{Local: true})
	for name, text := range map[string]string{
		"nothing": "", "half a header": "POST /v1/manual HTTP/1.1\r\nHost: localhost\r\n",
		"half a body": "POST /v1/manual HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n" +
			"Content-Length: 1000\r\n\r\n{\"checks\":",
	} {
		c, _ := fx.raw(text)
		began := time.Now()
		_, err := io.Copy(io.Discard, c)
		if errors.Is(err, os.ErrDeadlineExceeded) || time.Since(began) > 15*time.Second {
			t.Errorf("%s keeps a connection: %v", name, err)
		}
	}
	c, reader := fx.raw("GET /v1/status HTTP/1.1\r\nHost: localhost\r\nX-Large: " + strings.Repeat("x", 4*maxHeader))
	_ = c
	line, err := reader.ReadString('\n')
	if err == nil && !strings.Contains(line, "431") {
		t.Errorf("A header that is too large is answered %q", line)
	}
}

func TestHeaders(t *testing.T) {
	fx := open(t, Line{Local: true})
	for _, path := range []string{"/v1/status", "/nothing", "/v1/checks?x=1"} {
		_, header, _ := fx.ask("GET " + path)
		for name, want := range map[string]string{
			"Content-Type": "application/json", "X-Content-Type-Options": "nosniff", "Cache-Control": "no-store",
			"X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer", "Cross-Origin-Resource-Policy": "same-origin",
			"Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'", "Server": "",
		} {
			if got := header.Get(name); got != want {
				t.Errorf("%s has %s %q, want %q", path, name, got, want)
			}
		}
	}
}

func TestAPanicEndsOneRequest(t *testing.T) {
	fx := open(t, Line{Local: true})
	told := make(chan any, 1)
	fx.servers.Panicked = func(value any) { told <- value }
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, fx.url+"/v1/checks/panic", nil)
	if err != nil {
		t.Fatal(err)
	}
	if answer, err := fx.client.Do(r); err == nil {
		answer.Body.Close()
		t.Errorf("A panic is answered %s", answer.Status)
	}
	if got := fmt.Sprint(<-told); got != "on request" {
		t.Errorf("The panic told is %q", got)
	}
	fx.want(http.StatusOK, "GET /v1/status")
}

// A status is kept for half a second, since counting may be dear; but who has changed something wants to see it.
func TestAStatusAfterAChangeIsNew(t *testing.T) {
	fx := open(t, Line{Local: true})
	made := func() int {
		fx.ask("GET /v1/status")
		fx.backend.mu.Lock()
		defer fx.backend.mu.Unlock()
		return fx.backend.status
	}
	first := made()
	if status, _, text := fx.ask(post, asJSON, "", down); status != http.StatusCreated {
		t.Fatalf("%d %s", status, text)
	}
	if second := made(); second <= first {
		t.Error("A status from before the change was given after it")
	}
}
