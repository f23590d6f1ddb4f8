package test

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/seed-a19ac2b6/failover/test/harness"
)

// TestSecretsStaySecret gives the server a secret in each place that may hold one, has everything that uses them fail
// and work, asks each route of the admin API rightly and wrongly, and looks for the secrets in all that can be read.
func TestSecretsStaySecret(t *testing.T) {
	t.Parallel()
	// The target and the receiver are no friends either: they say what they were told.
	port := harness.FreePort(t)
	l, err := harness.Listen(net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		t.Fatal(err)
	}
	sent := new(harness.LogBuffer)
	echo := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintln(sent, r.URL, r.Header)
		w.Header().Set("X-C4nary", fmt.Sprint(r.Header.Get("Authorization")))
		w.Header().Set("Location", "http://127.0.0.1:1/"+r.Header.Get("X-Token")+"?"+r.URL.RawQuery)
		w.WriteHeader(http.StatusUnauthorized)
		fmt.Fprintln(w, r.URL, r.Header)
	})}
	go func() { _ = echo.Serve(l) }()
	t.Cleanup(func() { echo.Close() })
	live := harness.Serve(t)
	dir := t.TempDir()
	here := fmt.Sprintf("http://127.0.0.1:%d", port)
	corefile := harness.Zone(`
		admin 127.0.0.1:@ADMIN@ token_file admin.token
		state state.json
		webhook http://c4nary-user:c4nary-password@127.0.0.1:`+strconv.Itoa(port)+`/c4nary-path?c4nary-hook-query token_file hook.key
		webhook http://127.0.0.1:@NOBODY@/c4nary-nobody format slack
		check *    interval 200ms timeout 150ms fast 50ms fall 2
		check web  `+here+`/?c4nary-query
		check web  header Authorization "Bearer c4nary-header" method POST body c4nary-body match c4nary-match
		check web  header X-Token file header.token
		check bare tcp://127.0.0.1:@CLOSED@ send c4nary-send expect c4nary-expect
		check prom prometheus `+here+` "c4nary_prom" header Authorization "Bearer c4nary-prom-header"
		check live `+live.URL()+`?c4nary-live header Authorization "Bearer c4nary-live-header"
		check job  heartbeat 1h token_file job.token
		primary   www 192.0.2.1 check web bare prom
		secondary www 192.0.2.2 check live job
		static x 192.0.2.9`, "prometheus 127.0.0.1:@METRICS@", "root "+dir)
	files := map[string]string{
		"admin.token": "c4nary-admin-token", "header.token": "c4nary-header-file", "job.token": "c4nary-job-token",
		"hook.key": "c4nary-hook-key-of-24-octets", "wrong.token": "c4nary-wrong-token",
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s := harness.Start(t, corefile)
	s.AwaitA(t, harness.Soon, "www", "192.0.2.2")
	for _, what := range []string{
		"c4nary-query", "c4nary-header", "c4nary-header-file", "c4nary-prom-header", "c4nary-path?c4nary-hook-query",
	} {
		harness.Eventually(t, harness.Soon, what+" is sent to whom it is for", func() bool { return sent.Count(what) > 0 })
	}

	var seen strings.Builder
	a := adminOf(t, s, "")
	bodies := []string{
		"", `{"checks":"web","state":"unhealthy","reason":"r","author":"ann","for":"1h"}`, `{"name":"www.example.org","author":"ann"}`,
		`{`, `{"checks":17}`, "[]", `{"name":"none.example.org","author":"ann"}`,
	}
	for _, token := range []string{"", "c4nary-wrong-token", "c4nary-job-token", "c4nary-admin-token"} {
		a.token = token
		for _, path := range []string{
			"/", "/none", "/metrics", "/v1/status", "/v1/checks", "/v1/checks?state=none", "/v1/checks/web", "/v1/checks/job",
			"/v1/sets", "/v1/sets?limit=x", "/v1/events", "/v1/explain?name=www.example.org", "/v1/explain?name=x&assume=none",
			"/v1/manual", "/v1/manual/1?author=ann", "/v1/manual?match=web&author=ann", "/v1/failback", "/v1/drills",
			"/v1/drills?dry_run=true", "/v1/drills/1?author=ann", "/v1/heartbeat/job", "/v1/heartbeat/none", "/v1/openapi.json",
		} {
			for _, method := range []string{"GET", "POST", "DELETE"} {
				for _, body := range bodies {
					if (method == "POST") == (body == "") {
						continue
					}
					status, text := a.ask(method, path, body)
					fmt.Fprintf(&seen, "%s %s: %d %s\n", method, path, status, text)
				}
			}
		}
	}
	// The right request of the check's own.
	a.token = "c4nary-job-token"
	a.want(http.StatusNoContent, "POST", "/v1/heartbeat/job", "{}")
	a.token = "c4nary-admin-token"
	server := "http://127.0.0.1:" + strconv.Itoa(s.Ports["@ADMIN@"])
	for _, token := range []string{"admin.token", "wrong.token", "none.token"} {
		env := []string{"FAILOVERCTL_SERVER=" + server, "FAILOVERCTL_TOKEN_FILE=" + filepath.Join(dir, token), "FAILOVERCTL_AUTHOR=ann"}
		for _, line := range []string{
			"status", "status -o json", "status web", "status www.example.org", "events", "events -o json", "explain www.example.org",
			"down live --for 1h --reason r", "restore live", "failback www.example.org", "drill www.example.org --yes",
			"check " + filepath.Join(s.Dir, "Corefile"),
		} {
			r := harness.Ctl(t, dir, env, strings.Fields(line)...)
			fmt.Fprintf(&seen, "failoverctl %s: %d %s%s\n", line, r.Code, r.Out, r.Err)
		}
	}
	for _, id := range regexp.MustCompile(`"id":"([^"]+)"`).FindAllStringSubmatch(seen.String(), -1) {
		_, text := a.ask("GET", "/v1/checks/"+strings.ReplaceAll(id[1], "/", "%2F"), "")
		fmt.Fprintln(&seen, text)
	}
	// Mistakes around the secrets, and secrets that are not there any more.
	for _, from := range []string{"interval 200ms", "static x"} {
		s.SignalReload(t, strings.Replace(corefile, from, "canari "+from, 1), true)
	}
	s.SignalReload(t, strings.Replace(corefile, "header Authorization", "header Authorization: ", 1), true)
	for name := range files {
		os.Remove(filepath.Join(dir, name))
	}
	s.SignalReload(t, corefile, true)
	live.Kill()
	s.Ask(t, "www.example.org.", 1)
	harness.Eventually(t, harness.Soon, "the other target to be found dead", func() bool {
		_, metrics, _ := s.Get(t, "@METRICS@", "/metrics")
		return strings.Contains(metrics, `coredns_failover_all_down{name="www.example.org.",type="A",zone="example.org."} 1`)
	})
	_, metrics, err := s.Get(t, "@METRICS@", "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintln(&seen, a.want(http.StatusOK, "GET", "/v1/events", ""))
	s.Stop(t)
	state, err := os.ReadFile(filepath.Join(dir, "state.json"))
	if err != nil {
		t.Fatal(err)
	}
	for place, text := range map[string]string{
		"the log": s.Log.String(), "the metrics": metrics, "the state file": string(state), "an answer": seen.String(),
	} {
		if len(text) < 500 {
			t.Errorf("Expected more in %s, got %q", place, text)
		}
		for line := range strings.SplitSeq(text, "\n") {
			if at := strings.Index(line, "c4nary"); at >= 0 {
				t.Errorf("Expected no secret in %s, got ...%s", place, line[max(0, at-300):min(len(line), at+100)])
			}
		}
	}
}
