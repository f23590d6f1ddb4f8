package failover

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-a19ac2b6/failover/health/probe"
	"github.com/seed-a19ac2b6/failover/plugin/failover/admin"
	"github.com/seed-a19ac2b6/failover/plugin/failover/api"

	"github.com/coredns/caddy"
)

// operator talks to the admin API of an instance over a socket.
type operator struct {
	t      *testing.T
	socket string
	client *http.Client
}

// operate boots CoreDNS with stanza lines and an admin socket.
func operate(t *testing.T, lines string) (*instance, *operator) {
	t.Helper()
	o := &operator{t: t, socket: filepath.Join(t.TempDir(), "sock")}
	o.client = &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", o.socket)
		},
	}}
	t.Cleanup(o.client.CloseIdleConnections)
	return boot(t, o.corefile(lines)), o
}

// corefile has the stanza lines and the admin socket.
func (o *operator) corefile(lines string) caddy.CaddyfileInput {
	return caddy.CaddyfileInput{
		ServerTypeName: "dns", Filepath: "Corefile",
		Contents: fmt.Appendf(nil, "example.org:0 {\nfailover {\nadmin unix:%s\n%s\n}\n}", o.socket, lines),
	}
}

// do asks, wants the status, and reads the answer into a value. The body is JSON, empty for none.
func (o *operator) do(method, path, body string, status int, into any) string {
	o.t.Helper()
	r, err := http.NewRequestWithContext(o.t.Context(), method, "http://failover"+path, strings.NewReader(body))
	if err != nil {
		o.t.Fatal(err)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	answer, err := o.client.Do(r)
	if err != nil {
		o.t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		o.t.Fatal(err)
	}
	if answer.StatusCode != status {
		o.t.Fatalf("%s %s: %s\n%s\nwant %d", method, path, answer.Status, text, status)
	}
	if into != nil {
		d := json.NewDecoder(bytes.NewReader(text))
		d.DisallowUnknownFields()
		if err := d.Decode(into); err != nil {
			o.t.Fatalf("%s %s: %v in\n%s", method, path, err, text)
		}
	}
	return string(text)
}

// until polls a set until it is as wanted.
func (o *operator) until(name string, wanted func(api.Set) bool) api.Set {
	o.t.Helper()
	var sets api.Sets
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		sets = api.Sets{}
		o.do("GET", "/v1/sets?match="+name, "", http.StatusOK, &sets)
		if len(sets.Sets) == 1 && wanted(sets.Sets[0]) {
			return sets.Sets[0]
		}
	}
	o.t.Fatalf("%s never came to be as wanted: %+v", name, sets)
	return api.Set{}
}

func (o *operator) untilOn(name, record string) api.Set {
	o.t.Helper()
	return o.until(name, func(s api.Set) bool { return s.Active == record })
}

const quickCheck = "interval 20ms fast 10ms timeout 10ms fall 1 rise 1\n"

const tree = `
	check web http://:80/ ` + quickCheck + `
	check gate http://192.0.2.100/ ` + quickCheck + `
	check both all web gate
	check flag manual
	primary   www 192.0.2.1 check web
	secondary www 192.0.2.2 check web
	primary   app 192.0.2.3 192.0.2.4 check both
	secondary app alias www
	set app failback manual
	primary   site alias app
	secondary site 192.0.2.9
	primary   lone 192.0.2.5 check gate
	secondary lone 192.0.2.6 check gate
	primary   bare 192.0.2.7
	secondary bare 192.0.2.8
	weight 10 api 192.0.2.11 check flag
	weight 30 api 192.0.2.12 check flag
	primary   mail MX "10 mx.example.org." check flag
	secondary mail MX "20 mx.example.org."
`

func TestAdminTellsOfChecksAndSets(t *testing.T) {
	i, o := operate(t, tree)
	defer i.end(t)
	o.untilOn("www.example.org", "primary")

	var checks api.Checks
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		checks = api.Checks{}
		o.do("GET", "/v1/checks?state=unknown", "", http.StatusOK, &checks)
		if len(checks.Checks) == 0 || time.Now().After(deadline) {
			break
		}
	}
	o.do("GET", "/v1/checks", "", http.StatusOK, &checks)
	ids := make([]string, 0, len(checks.Checks))
	for _, c := range checks.Checks {
		ids = append(ids, c.ID+" "+c.State)
		if probed := c.Target != ""; probed != (c.Real == api.Healthy) || probed != (c.Next != nil) || probed != (c.Last != nil) {
			t.Errorf("%+v", c)
		}
	}
	want := []string{
		"both healthy", "flag healthy", "gate@http://192.0.2.100:80/ healthy", "web@http://192.0.2.1:80/ healthy",
		"web@http://192.0.2.2:80/ healthy", "web@http://192.0.2.3:80/ healthy", "web@http://192.0.2.4:80/ healthy",
	}
	if !slices.Equal(ids, want) {
		t.Errorf("The checks are\n%q\nwant\n%q", ids, want)
	}
	// Page by page it is the same.
	var paged []string
	for after := ""; ; {
		var page api.Checks
		o.do("GET", "/v1/checks?limit=2&after="+after, "", http.StatusOK, &page)
		for _, c := range page.Checks {
			paged = append(paged, c.ID+" "+c.State)
		}
		if after = page.Next; after == "" {
			break
		}
	}
	if !slices.Equal(paged, want) {
		t.Errorf("Page by page the checks are\n%q\nwant\n%q", paged, want)
	}
	var gate api.Check
	o.do("GET", "/v1/checks/gate@http:%2F%2F192.0.2.100:80%2F", "", http.StatusOK, &gate)
	if !slices.Equal(gate.Sets, []string{"app.example.org. A/AAAA", "lone.example.org. A/AAAA"}) {
		t.Errorf("The sets of gate are %q", gate.Sets)
	}
	o.do("GET", "/v1/checks/nobody", "", http.StatusNotFound, nil)

	weighted := o.until("api.example.org", func(api.Set) bool { return true })
	if r := weighted.Records; r[0].Odds != 0.25 || r[1].Odds != 0.75 || *r[1].Weight != 30 || r[1].Values[0].Checks[0] != "flag" {
		t.Errorf("%+v", weighted)
	}
	var status api.Status
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		status = api.Status{}
		o.do("GET", "/v1/status", "", http.StatusOK, &status)
		if status.Checks.Healthy == 7 {
			break
		}
	}
	if status.Checks.Healthy != 7 || status.Sets.All != 7 || status.Sets.FailedOver != 0 || !status.Ready {
		t.Errorf("%+v", status)
	}
}

func TestR21_FailbackNow(t *testing.T) {
	i, o := operate(t, tree)
	defer i.end(t)
	o.untilOn("app.example.org", "primary")
	fall := `{"checks":"both","state":"unhealthy","reason":"work","author":"ops"}`
	var m api.Manual
	o.do("POST", "/v1/manual", fall, http.StatusCreated, &m)
	if m.Matches != 1 || m.Author != "ops" {
		t.Errorf("%+v", m)
	}
	o.untilOn("app.example.org", "secondary")
	o.do("POST", "/v1/failback", `{"name":"mail.example.org","author":"ops"}`, http.StatusOK, nil)
	o.do("DELETE", fmt.Sprintf("/v1/manual/%d?author=ops", m.ID), "", http.StatusOK, nil)
	waits := o.until("app.example.org", func(s api.Set) bool { return s.FailbackWaits == "primary" })
	if waits.Active != "secondary" || waits.FailbackAt != nil {
		t.Errorf("%+v", waits)
	}
	var back api.Failback
	o.do("POST", "/v1/failback", `{"name":"APP.example.org","author":"ops"}`, http.StatusOK, &back)
	want := api.Failback{Zone: "example.org.", Name: "app.example.org.", Type: "A/AAAA", From: "secondary", To: "primary"}
	if back != want {
		t.Errorf("%+v, want %+v", back, want)
	}
	i.await(t, "app.example.org.", 1, "192.0.2.")
	o.untilOn("app.example.org", "primary")
	o.do("POST", "/v1/failback", `{"name":"nobody.example.org","author":"ops"}`, http.StatusNotFound, nil)
	o.do("POST", "/v1/failback", `{"name":"api.example.org","author":"ops"}`, http.StatusBadRequest, nil)
}

func TestH15_EndingManualStatesByPattern(t *testing.T) {
	i, o := operate(t, tree)
	defer i.end(t)
	for _, tc := range []struct {
		checks, match string
		ends          bool
	}{
		{"web", "web", true},
		{"web@http://192.0.2.1*", "web", true},
		{"web@http://192.0.2.1*", "w*", true},
		{"web", "web@http://192.0.2.1:80/", false},
		{"w?b@*.1:80/", "web@http://192.0.2.1:80/", true},
		{"gate", "web", false},
		{"*", "web", false},
		{"nobody", "web", false},
		{"nobody", "*", true},
	} {
		asked := fmt.Sprintf(`{"checks":%q,"state":"unhealthy","reason":"work","author":"ops","for":"10m"}`, tc.checks)
		o.do("POST", "/v1/manual", asked, http.StatusCreated, nil)
		var ended api.Ended
		o.do("DELETE", "/v1/manual?author=ops&match="+tc.match, "", http.StatusOK, &ended)
		if got := len(ended.Ended) == 1; got != tc.ends {
			t.Errorf("%s ends %s: %v, want %v", tc.match, tc.checks, got, tc.ends)
		}
		o.do("DELETE", "/v1/manual?author=ops&match=*", "", http.StatusOK, nil)
	}
}

func TestAdminRefuses(t *testing.T) {
	i, o := operate(t, tree)
	defer i.end(t)
	seq := events.seq()
	for _, tc := range []struct{ method, path, body, want string }{
		{"POST", "/v1/manual", `{"checks":"web","state":"unhealthy","reason":"x"}`, `"field":"author"`},
		{"POST", "/v1/manual", `{"checks":"web","state":"down","reason":"x","author":"ops"}`, `"field":"state"`},
		{"POST", "/v1/manual", `{"checks":"","state":"healthy","reason":"x","author":"ops"}`, `"field":"checks"`},
		{"POST", "/v1/manual", `{"checks":"web","state":"healthy","reason":"","author":"ops"}`, `"field":"reason"`},
		{"POST", "/v1/manual", `{"checks":"web","state":"healthy","reason":"a\nb","author":"ops"}`, `"field":"reason"`},
		{"POST", "/v1/manual", `{"checks":"web","state":"healthy","reason":"x","author":"a\u001bb"}`, `"field":"author"`},
		{"POST", "/v1/manual", `{"checks":"web","state":"healthy","reason":"x","author":"ops","for":"5"}`, `"field":"for"`},
		{"POST", "/v1/manual", `{"checks":"web","state":"healthy","reason":"x","author":"ops","for":"-5m"}`, `"field":"for"`},
		{
			"POST", "/v1/manual",
			`{"checks":"web","state":"healthy","reason":"x","author":"ops","until":"2020-01-01T00:00:00Z"}`, `"field":"until"`,
		},
		{
			"POST", "/v1/manual",
			`{"checks":"web","state":"healthy","reason":"x","author":"ops","until":"0001-01-01T00:00:00Z"}`, `"field":"until"`,
		},
		{"POST", "/v1/drills", `{"name":"a..b","author":"ops"}`, `"field":"name"`},
		{"POST", "/v1/manual", `{"checks":"web","stat":"healthy"}`, `"field":"stat"`},
		{"POST", "/v1/manual", `{"checks":5}`, `"field":"checks"`},
		{"POST", "/v1/manual", `{} {}`, `"error"`},
		{"DELETE", "/v1/manual?match=web", "", `"field":"author"`},
		{"GET", "/v1/checks?state=down", "", `"field":"state"`},
		{"GET", "/v1/checks?limit=x", "", `"field":"limit"`},
		{"GET", "/v1/checks?limit=99999999", "", `"field":"limit"`},
		{"GET", "/v1/checks?limit=1&limit=2", "", `"field":"limit"`},
		{"GET", "/v1/checks?metch=web", "", `"field":"metch"`},
		{"POST", "/v1/drills?dry_run=maybe", `{"name":"www.example.org","author":"ops"}`, `"field":"dry_run"`},
	} {
		if text := o.do(tc.method, tc.path, tc.body, http.StatusBadRequest, nil); !strings.Contains(text, tc.want) {
			t.Errorf("%s %s %s: %s, want %s", tc.method, tc.path, tc.body, text, tc.want)
		}
	}
	for _, e := range since(seq) {
		if e == api.EventAudit {
			t.Error("A request that was refused is an audit event")
		}
	}
}

func TestDrill(t *testing.T) {
	i, o := operate(t, tree)
	defer i.end(t)
	o.untilOn("www.example.org", "primary")
	o.untilOn("app.example.org", "primary")
	ask := func(name, more string) string { return fmt.Sprintf(`{"name":%q,"author":"ops"%s}`, name, more) }
	seq := events.seq()

	var dry api.Drill
	o.do("POST", "/v1/drills?dry_run=true", ask("www.example.org", ""), http.StatusOK, &dry)
	if dry.Record != "primary" || dry.Next != "secondary" || !slices.Equal(dry.Before, []string{"192.0.2.1"}) ||
		!slices.Equal(dry.After, []string{"192.0.2.2"}) || len(dry.Manual) != 1 ||
		dry.Manual[0].Checks != "web@http://192.0.2.1:80/" || len(dry.Also) != 0 || len(dry.Down) != 0 {
		t.Errorf("%+v", dry)
	}
	for _, kind := range since(seq) {
		if kind != api.EventTransition { // the checks' first ones may still come
			t.Errorf("A drill to see what would be had an event %s", kind)
		}
	}

	var drill api.Drill
	o.do("POST", "/v1/drills", ask("www.example.org", `,"for":"1h"`), http.StatusCreated, &drill)
	o.untilOn("www.example.org", "secondary")
	i.await(t, "www.example.org.", 1, "192.0.2.2")
	o.do("POST", "/v1/drills", ask("www.example.org", ""), http.StatusConflict, nil)
	var all api.Drills
	o.do("GET", "/v1/drills", "", http.StatusOK, &all)
	if len(all.Drills) != 1 || all.Drills[0].ID != drill.ID {
		t.Errorf("%+v", all)
	}
	o.do("DELETE", fmt.Sprintf("/v1/drills/%d?author=ops", drill.ID), "", http.StatusOK, nil)
	o.untilOn("www.example.org", "primary")
	o.do("DELETE", fmt.Sprintf("/v1/drills/%d?author=ops", drill.ID), "", http.StatusNotFound, nil)

	// It ends by itself, too.
	o.do("POST", "/v1/drills", ask("www.example.org", `,"for":"100ms"`), http.StatusCreated, nil)
	o.until("www.example.org", func(s api.Set) bool {
		return s.Active == "primary" && len(drills.list()) == 0 && len(manuals.list()) == 0
	})
	kinds := since(seq)
	for kind, times := range map[api.EventKind]int{api.EventDrill: 2, api.EventDrillEnd: 2, api.EventFailover: 2, api.EventFailback: 2} {
		n := 0
		for _, k := range kinds {
			if k == kind {
				n++
			}
		}
		if n != times {
			t.Errorf("%d events are %s, want %d: %q", n, kind, times, kinds)
		}
	}

	// The least that makes a record unhealthy: not the check that the records of the whole set share, and one set of another
	// name goes along.
	o.do("POST", "/v1/drills?dry_run=true", ask("app.example.org", ""), http.StatusOK, &dry)
	if dry.Next != "secondary" || !slices.Equal(dry.After, []string{"192.0.2.1"}) ||
		!slices.Equal(dry.Also, []string{"site.example.org. A/AAAA"}) {
		t.Errorf("%+v", dry)
	}
	for _, m := range dry.Manual {
		if m.Checks != "both" {
			t.Errorf("The drill of app forces %s, want both", m.Checks)
		}
	}
}

// A switch for a whole region is beside the check of its own on the line of every record there. A drill of one of them
// leaves the region alone, as it would else do without the other sets, or be refused for them.
func TestADrillLeavesTheSharedCheckAlone(t *testing.T) {
	i, o := operate(t, "check web http://:80/ "+quickCheck+"\ncheck eu manual\n"+
		"primary www 192.0.2.1 192.0.2.2 check eu web\nsecondary www 192.0.2.3\n"+
		"primary app alias www check web2 eu\nsecondary app 192.0.2.4\ncheck web2 manual\n"+
		"primary lone 192.0.2.5 check eu\n")
	defer i.end(t)
	o.untilOn("www.example.org", "primary")
	for name, want := range map[string][]string{
		"www": {"web@http://192.0.2.1:80/", "web@http://192.0.2.2:80/"},
		"app": {"web2"},
	} {
		var dry api.Drill
		o.do("POST", "/v1/drills?dry_run=true", fmt.Sprintf(`{"name":"%s.example.org","author":"ops"}`, name), http.StatusOK, &dry)
		forced := make([]string, 0, len(want))
		for _, m := range dry.Manual {
			forced = append(forced, m.Checks)
		}
		if !slices.Equal(forced, want) || len(dry.Down) != 0 {
			t.Errorf("A drill of %s forces %q, want %q: %+v", name, forced, want, dry)
		}
	}
}

// A name is found however it is written.
func TestDrillOfANameThatIsWrittenOtherwise(t *testing.T) {
	i, o := operate(t, "check flag manual\nprimary a+b 192.0.2.1 check flag\nsecondary a+b 192.0.2.2\n"+
		"primary \\034q 192.0.2.1 check flag\nsecondary \\034q 192.0.2.2\n")
	defer i.end(t)
	for _, name := range []string{`a+b.EXAMPLE.org`, `a\043b.example.org.`, `"q.example.org`, `\"q.example.org`, `\034q.example.org`} {
		body, err := json.Marshal(api.NewDrill{Name: name, Author: "ops"})
		if err != nil {
			t.Fatal(err)
		}
		o.do("POST", "/v1/drills?dry_run=true", string(body), http.StatusOK, nil)
	}
}

func TestDrillIsRefused(t *testing.T) {
	i, o := operate(t, tree)
	defer i.end(t)
	o.untilOn("lone.example.org", "primary")
	for _, tc := range []struct {
		name   string
		status int
		want   string
	}{
		{"nobody", http.StatusNotFound, "no such record set"},
		{"api", http.StatusBadRequest, "no such failover set"},
		{"bare", http.StatusConflict, "no check"},
		{"lone", http.StatusConflict, "nothing healthy would be left in lone.example.org. A/AAAA"},
	} {
		text := o.do("POST", "/v1/drills", fmt.Sprintf(`{"name":"%s.example.org","author":"ops"}`, tc.name), tc.status, nil)
		if !strings.Contains(text, tc.want) {
			t.Errorf("%s: %s, want %q", tc.name, text, tc.want)
		}
	}
	var forced api.Drill
	o.do("POST", "/v1/drills", `{"name":"lone.example.org","author":"ops","force":true}`, http.StatusCreated, &forced)
	o.until("lone.example.org", func(s api.Set) bool { return s.AllDown })
	o.do("DELETE", fmt.Sprintf("/v1/drills/%d?author=ops", forced.ID), "", http.StatusOK, nil)
	i.fake.outcome.Store(int32(probe.Fail))
	o.until("lone.example.org", func(s api.Set) bool { return s.AllDown })
	o.do("POST", "/v1/drills", `{"name":"lone.example.org","author":"ops"}`, http.StatusConflict, nil)
}

// A drill that nobody can tell the end of is begun by force only. The set that would be left with nothing comes last.
func TestADrillOfTooManySetsIsRefused(t *testing.T) {
	var lines strings.Builder
	fmt.Fprintf(&lines, "check gate http://192.0.2.100/ %s\n", quickCheck)
	for n := range rehearsedMost {
		fmt.Fprintf(&lines, "primary s%04d 192.0.2.1 check gate\nsecondary s%04d 192.0.2.2\n", n, n)
	}
	lines.WriteString("primary z 192.0.2.1 check gate\nsecondary z 192.0.2.2 check gate")
	i, o := operate(t, lines.String())
	defer i.end(t)
	o.untilOn("s0000.example.org", "primary")
	text := o.do("POST", "/v1/drills", `{"name":"s0000.example.org","author":"ops"}`, http.StatusConflict, nil)
	if !strings.Contains(text, "more than 1000 record sets") {
		t.Errorf("It says %s", text)
	}
	o.do("POST", "/v1/drills?dry_run=true", `{"name":"s0000.example.org","author":"ops","force":true}`, http.StatusOK, nil)
}

// With views several server blocks have one zone, and which of them is asked depends on the client.
func TestExplainTellsThatOthersHaveTheZone(t *testing.T) {
	config := parsed(t, oneCheck)
	synctest.Test(t, func(t *testing.T) {
		pretend(t)
		g, _ := generated(config)
		other := blockOf(&Failover{config: config})
		other.key = "example.org.:5353"
		g.add(other)
		mustStart(t, g)
		x, err := backend{}.Explain(admin.Question{Name: "www.example.org"})
		if err != nil {
			t.Fatal(err)
		}
		want := "2 server blocks have this zone; this is what the first answers, example.org."
		if !slices.Equal(x.Blocks, []string{"example.org.", "example.org.:5353"}) || !strings.Contains(strings.Join(x.Text, "\n"), want) {
			t.Errorf("Blocks %q, text %q", x.Blocks, x.Text)
		}
		g.running.release()
		checks.Wait()
	})
}

func TestExplainRoute(t *testing.T) {
	i, o := operate(t, tree)
	defer i.end(t)
	o.untilOn("www.example.org", "primary")
	for _, tc := range []struct {
		query  string
		status int
		want   string
	}{
		{"name=www.example.org", http.StatusOK, "192.0.2.1"},
		{"name=mail.example.org", http.StatusOK, "mx.example.org."},
		{"name=nobody.example.org&type=aaaa&client=2001:db8::1", http.StatusOK, "NXDOMAIN"},
		{"name=www.example.org&assume=web@http:%2F%2F192.0.2.1:80%2F=down", http.StatusOK, "192.0.2.2"},
		{"name=www.example.org&assume=web=down&assume=web@*2:80%2F=up", http.StatusOK, "192.0.2.2"},
		{"name=www.example.org&assume=nobody=down", http.StatusBadRequest, `"field":"assume"`},
		{"name=www.example.org&assume=web", http.StatusBadRequest, `"field":"assume"`},
		{"name=www.example.org&assume=web=left", http.StatusBadRequest, `"field":"assume"`},
		{"name=www.example.org&type=type65280", http.StatusOK, "of other types only"},
		{"name=www.example.org&type=type65536", http.StatusBadRequest, `"field":"type"`},
		{"name=www.example.org&type=nonsense", http.StatusBadRequest, `"field":"type"`},
		{"name=www.example.org&client=x", http.StatusBadRequest, `"field":"client"`},
		{"name=a..b", http.StatusBadRequest, `"field":"name"`},
		{"", http.StatusBadRequest, `"field":"name"`},
		{"name=www.example.net", http.StatusNotFound, `"field":"name"`},
	} {
		text := o.do("GET", "/v1/explain?"+tc.query, "", tc.status, nil)
		if tc.status == http.StatusOK {
			var x api.Explanation
			o.do("GET", "/v1/explain?"+tc.query, "", tc.status, &x)
			text = strings.Join(x.Text, "\n")
		}
		if !strings.Contains(text, tc.want) {
			t.Errorf("%s:\n%s\nwant %q", tc.query, text, tc.want)
		}
	}
}
