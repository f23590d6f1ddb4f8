package test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/seed-a19ac2b6/failover/test/harness"
)

// admin is a client of a server's admin API, on one connection.
type admin struct {
	t      *testing.T
	base   string
	token  string
	client *http.Client
	dials  int
}

// adminOf is a client of the port, or of the socket if there is a path.
func adminOf(t *testing.T, s *harness.Server, socket string) *admin {
	t.Helper()
	a := &admin{t: t, base: fmt.Sprintf("http://127.0.0.1:%d", s.Ports["@ADMIN@"])}
	dial := func(ctx context.Context, network, address string) (net.Conn, error) {
		a.dials++
		if socket != "" {
			network, address = "unix", socket
		}
		return new(net.Dialer).DialContext(ctx, network, address)
	}
	a.client = &http.Client{Timeout: harness.Patience, Transport: &http.Transport{DialContext: dial, MaxConnsPerHost: 1}}
	t.Cleanup(a.client.CloseIdleConnections)
	return a
}

// ask sends a request, with JSON where there is a body, and returns status and answer.
func (a *admin) ask(method, path, body string) (int, string) {
	a.t.Helper()
	r, err := http.NewRequestWithContext(a.t.Context(), method, a.base+path, strings.NewReader(body))
	if err != nil {
		a.t.Fatal(err)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if a.token != "" {
		r.Header.Set("Authorization", "Bearer "+a.token)
	}
	resp, err := a.client.Do(r)
	if err != nil {
		a.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		a.t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

func (a *admin) want(status int, method, path, body string) string {
	a.t.Helper()
	got, text := a.ask(method, path, body)
	if got != status {
		a.t.Fatalf("%s %s: got %d %s, want %d", method, path, got, text, status)
	}
	return text
}

const overruled = `
check web http://127.0.0.1:@DEAD@/ interval 1s fast 100ms timeout 500ms fall 1 rise 1
primary   www 192.0.2.1 check web
secondary www 192.0.2.2
primary   app 192.0.2.3 check flag
secondary app 192.0.2.4
check flag manual
`

// TestH15_ManualStatesAreKeptOverAReload overrules checks of a server that is reloaded, on a connection that stays.
func TestH15_ManualStatesAreKeptOverAReload(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	corefile := harness.Zone("admin 127.0.0.1:@ADMIN@\nadmin unix:admin.sock\n"+overruled, "root "+dir)
	s := harness.Start(t, corefile)
	a := adminOf(t, s, "")
	s.AwaitA(t, harness.Patience, "www", "192.0.2.2")
	a.want(http.StatusCreated, "POST", "/v1/manual", `{"checks":"web","state":"healthy","reason":"I know better","author":"ada"}`)
	a.want(http.StatusCreated, "POST", "/v1/manual", `{"checks":"flag","state":"unhealthy","reason":"work","author":"ada","for":"1h"}`)
	s.AwaitA(t, harness.Patience, "www", "192.0.2.1")
	s.AwaitA(t, harness.Patience, "app", "192.0.2.4")
	stream := a.stream("/v1/stream")
	stream.await(`"manual":2`)

	s.SignalReload(t, strings.Replace(corefile, "192.0.2.2", "192.0.2.22", 1), false)
	s.AwaitA(t, harness.Patience, "www", "192.0.2.1")
	s.AwaitA(t, harness.Patience, "app", "192.0.2.4")
	text := a.want(http.StatusOK, "GET", "/v1/sets?match=www.example.org", "")
	if !strings.Contains(text, "192.0.2.22") {
		t.Errorf("Expected the new configuration, got %s", text)
	}
	a.want(http.StatusOK, "DELETE", "/v1/manual?match=web&author=ada", "")
	s.AwaitA(t, harness.Patience, "www", "192.0.2.22")
	stream.await(`"kind":"restored"`)
	if a.dials != 2 { // one of them is the stream's
		t.Errorf("Expected connections to stay over a reload, the client connected %d times", a.dials)
	}
	local := adminOf(t, s, filepath.Join(dir, "admin.sock"))
	if got := local.want(http.StatusOK, "GET", "/v1/manual", ""); !strings.Contains(got, `"checks":"flag"`) {
		t.Errorf("Expected the other manual state, got %s", got)
	}
	if n := s.Log.Count("ada has asked for a change, from 127.0.0.1:"); n != 3 {
		t.Errorf("Expected a line in the log for each change, got %d", n)
	}

	for _, line := range []string{
		"web is healthy by hand: I know better (ada)", "flag is unhealthy by hand: work (ada)",
		"web is not healthy by hand any more (ada)",
	} {
		if n := s.Log.Count(line); n != 1 {
			t.Errorf("Expected %q in the log once, got it %d times", line, n)
		}
	}

	// A reload that fails leaves the API as it is, and one without the line ends it.
	s.SignalReload(t, strings.Replace(corefile, "primary ", "primari ", 1), true)
	a.want(http.StatusOK, "GET", "/v1/status", "")
	s.SignalReload(t, strings.Replace(corefile, "admin 127.0.0.1:@ADMIN@\n", "", 1), false)
	harness.Eventually(t, harness.Patience, "the address is closed", func() bool {
		c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", s.Ports["@ADMIN@"]))
		if err == nil {
			c.Close()
		}
		return err != nil
	})
	local.want(http.StatusOK, "GET", "/v1/status", "")
}

// listening is a stream of events that is read.
type listening struct {
	t     *testing.T
	lines chan string
}

func (a *admin) stream(path string) *listening {
	a.t.Helper()
	r, err := http.NewRequestWithContext(a.t.Context(), http.MethodGet, a.base+path, nil)
	if err != nil {
		a.t.Fatal(err)
	}
	client := &http.Client{Transport: a.client.Transport.(*http.Transport).Clone()}
	a.t.Cleanup(client.CloseIdleConnections)
	resp, err := client.Do(r) //nolint:bodyclose // the goroutine that reads it does
	if err != nil {
		a.t.Fatal(err)
	}
	s := &listening{t: a.t, lines: make(chan string, 10_000)}
	go func() {
		defer close(s.lines)
		defer resp.Body.Close()
		for scanner := bufio.NewScanner(resp.Body); scanner.Scan(); {
			s.lines <- scanner.Text()
		}
	}()
	a.t.Cleanup(func() {
		resp.Body.Close()
		for range s.lines {
			continue
		}
	})
	return s
}

func (s *listening) await(text string) {
	s.t.Helper()
	timer := time.NewTimer(harness.Patience)
	defer timer.Stop()
	for {
		select {
		case line, open := <-s.lines:
			if !open {
				s.t.Fatalf("The stream ended before %q", text)
			}
			if strings.Contains(line, text) {
				return
			}
		case <-timer.C:
			s.t.Fatalf("The stream never told %q", text)
		}
	}
}

// TestC03_Heartbeats posts for a check, with its own token, and lets it lapse.
func TestC03_Heartbeats(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, token := range map[string]string{"admin": "canary-admin", "job": "canary-job"} {
		if err := os.WriteFile(filepath.Join(dir, name+".token"), []byte(token+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	corefile := harness.Zone(`admin 127.0.0.1:@ADMIN@ token_file admin.token
check job heartbeat 3s token_file job.token interval 1h fast 1h start unhealthy
primary   www 192.0.2.1 check job
secondary www 192.0.2.2`, "root "+dir)
	s := harness.Start(t, corefile)
	a := adminOf(t, s, "")
	s.AwaitA(t, harness.Patience, "www", "192.0.2.2")
	a.want(http.StatusUnauthorized, "POST", "/v1/heartbeat/job", "")
	a.token = "canary-job"
	a.want(http.StatusNoContent, "POST", "/v1/heartbeat/job", "")
	posted := time.Now()
	s.AwaitA(t, 2*time.Second, "www", "192.0.2.1")
	a.want(http.StatusUnauthorized, "POST", "/v1/manual", `{"checks":"job","state":"healthy","reason":"x","author":"job"}`)
	s.SignalReload(t, strings.Replace(corefile, "192.0.2.2", "192.0.2.22", 1), false)
	s.AwaitA(t, harness.Patience, "www", "192.0.2.22")
	if since := time.Since(posted); since < 3*time.Second {
		t.Errorf("The post did not count for 3 s, only for %s", since)
	}
	a.token = "canary-admin"
	a.want(http.StatusNoContent, "POST", "/v1/heartbeat/job", "")
	s.AwaitA(t, 2*time.Second, "www", "192.0.2.1")

	// Nothing of a token is anywhere.
	all := s.Log.String()
	for _, path := range []string{"/v1/status", "/v1/checks", "/v1/sets", "/v1/events", "/v1/openapi.json", "/v1/manual"} {
		all += a.want(http.StatusOK, "GET", path, "")
	}
	if strings.Contains(all, "canary") {
		t.Errorf("A token is in what the server tells:\n%s", all)
	}
}

// TestAdminRefusedAtLoad starts servers whose admin API anybody could use, or nobody.
func TestAdminRefusedAtLoad(t *testing.T) {
	for _, tc := range []struct{ stanza, want string }{
		{"admin 0.0.0.0:@ADMIN@\nstatic www 192.0.2.1", "Corefile:5 - admin: others could use 0.0.0.0:"},
		{
			"check job heartbeat 5m\nprimary www 192.0.2.1 check job\nsecondary www 192.0.2.2",
			"Corefile:5 - check job: there is no admin line",
		},
	} {
		s := &harness.Server{Ports: map[string]int{}}
		if got := harness.Refused(t, s.Expand(t, harness.Zone(tc.stanza))); !strings.Contains(got, tc.want) {
			t.Errorf("Expected %q, got %s", tc.want, got)
		}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	taken := fmt.Sprintf("admin %s\nstatic www 192.0.2.1", l.Addr())
	s := &harness.Server{Ports: map[string]int{}}
	if got := harness.Refused(t, s.Expand(t, harness.Zone(taken))); !strings.Contains(got, "Corefile:5 - admin: listen") {
		t.Errorf("Expected the line whose address is taken, got %s", got)
	}
}

// TestReadmeAdminExamples runs the commands of the README's section about the admin API.
func TestReadmeAdminExamples(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("curl"); err != nil {
		t.Fatal("The test needs curl: make tools gets it")
	}
	s := harness.Start(t, harness.Zone("admin 127.0.0.1:@ADMIN@\n"+overruled))
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(readme), "\n## Admin API\n")
	_, commands, _ := strings.Cut(section, "\n~~~ sh\n")
	commands, _, _ = strings.Cut(commands, "~~~")
	n := 0
	s.AwaitA(t, harness.Patience, "www", "192.0.2.2")
	adminOf(t, s, "").want(http.StatusCreated, "POST", "/v1/manual",
		`{"checks":"web@*","state":"healthy","reason":"so that a drill is possible","author":"ada"}`)
	s.AwaitA(t, harness.Patience, "www", "192.0.2.1")
	for command := range strings.Lines(commands) {
		command = strings.ReplaceAll(command, "127.0.0.1:9180", fmt.Sprintf("127.0.0.1:%d", s.Ports["@ADMIN@"]))
		if strings.Contains(command, "dry_run") {
			s.AwaitA(t, harness.Patience, "www", "192.0.2.1")
		}
		cmd := exec.CommandContext(t.Context(), "sh", "-c", command)
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		var answer map[string]any
		if err != nil || json.Unmarshal(out, &answer) != nil || answer["error"] != nil {
			t.Errorf("%s%s%s%v", command, out, stderr.String(), err)
		}
		if strings.Contains(command, "failback") || strings.Contains(command, "-X DELETE") {
			adminOf(t, s, "").want(http.StatusCreated, "POST", "/v1/manual",
				`{"checks":"web@*","state":"healthy","reason":"so that a drill is possible","author":"ada"}`)
		}
		n++
	}
	if n < 10 {
		t.Errorf("Expected commands in README.md, found %d", n)
	}
}
