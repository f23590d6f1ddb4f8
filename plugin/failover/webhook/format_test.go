package webhook

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/seed-a19ac2b6/failover/plugin/failover/api"
)

var update = flag.Bool("update", false, "write the golden files")

// samples are messages of all kinds that are worded differently.
func samples() map[string]message {
	at := time.Date(2026, 11, 22, 3, 4, 5, 678_000_000, time.UTC)
	until := at.Add(time.Hour)
	manual := &api.Manual{
		ID: 3, Checks: "web@*192.0.2.1*", State: api.Unhealthy, Reason: "new kernel", Author: "ada", Since: at, Until: &until,
	}
	all := make(map[string]message)
	for name, e := range map[string]api.Event{
		"failover": {
			Seq: 42, Kind: api.EventFailover, Text: "www.example.org. A/AAAA has failed over from primary to secondary",
			Zone: "example.org.", Set: "www.example.org.", Type: "A/AAAA", From: "primary", To: "secondary",
		},
		"failback": {
			Seq: 43, Kind: api.EventFailback, Text: "www.example.org. A/AAAA has gone back from secondary to primary",
			Zone: "example.org.", Set: "www.example.org.", Type: "A/AAAA", From: "secondary", To: "primary", First: true,
		},
		"transition": {
			Seq: 41, Kind: api.EventTransition, Check: "web", Target: "http://192.0.2.1:80/healthz",
			Text: "check web http://192.0.2.1:80/healthz is unhealthy, was healthy: status 500 (status, 3 failures)",
			From: api.Healthy, To: api.Unhealthy, Reason: "status", Detail: "status 500",
		},
		"manual": {
			Seq: 44, Kind: api.EventManual, Text: "web@*192.0.2.1* is unhealthy by hand: new kernel (ada)",
			To: api.Unhealthy, Reason: "new kernel", Author: "ada", Manual: manual,
		},
		"resumed": {Seq: 45, Kind: api.EventResumed, Text: "this process was stopped for 1m1s: <all> & everything is probed again"},
	} {
		e.At = at
		all[name] = message{Event: e, id: "5f0c2a9d11e84b37-" + string('0'+rune(e.Seq/10)) + string('0'+rune(e.Seq%10)), subject: subjectOf(&e)}
	}
	flapping := all["failback"]
	flapping.Flapping = &Flapping{Changes: 7}
	all["flapping"] = flapping
	return all
}

// golden compares with a file of testdata.
func golden(t *testing.T, name string, got []byte) string {
	t.Helper()
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, got, "", "  "); err != nil {
		t.Fatal(err)
	}
	pretty.WriteByte('\n')
	path := filepath.Join("testdata", name+".json")
	if *update {
		if err := os.WriteFile(path, pretty.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if pretty.String() != string(want) {
		t.Errorf("%s:\n%s\nwant\n%s", name, pretty.String(), want)
	}
	return pretty.String()
}

// README shows some of them, and would otherwise show what once was.
func TestGoldenWordings(t *testing.T) {
	readme, err := os.ReadFile("../../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	for name, m := range samples() {
		for _, format := range Formats {
			l, err := letterOf(format, &m, make(believed), "ns1.example.org", m.At.Add(time.Second))
			if err != nil {
				t.Fatal(err)
			}
			text := golden(t, string(format)+"-"+name, l.body)
			if name == "failover" && !strings.Contains(string(readme), "\n"+text) {
				t.Errorf("README.md does not have this as its example of %s:\n%s", format, text)
			}
		}
	}
}

func TestAlertsEndAsTheyBegan(t *testing.T) {
	b := make(believed)
	down, up := of(1, 0, api.EventAllDown, "www.example.org."), of(2, time.Hour, api.EventRecovered, "www.example.org.")
	b.told(&down)
	refreshed := b.alerts("ns1", start.Add(time.Minute))
	if len(refreshed) != 1 || !refreshed[0].StartsAt.Equal(start) || !refreshed[0].EndsAt.Equal(start.Add(6*time.Minute)) {
		t.Errorf("Refreshed is %+v", refreshed)
	}
	for _, a := range alertsOf(&up, b, "ns1", start.Add(time.Hour)) {
		if a.Labels["alertname"] == allDown.name && (a.order() != refreshed[0].order() || !a.StartsAt.Equal(start) || !a.EndsAt.Equal(up.At)) {
			t.Errorf("It ends as %+v, and began as %+v", a, refreshed[0])
		}
		if a.StartsAt.After(a.EndsAt) {
			t.Errorf("%+v begins after its end", a)
		}
	}
	b.told(&up)
	if len(b) != 0 {
		t.Errorf("Believed is still %v", b)
	}
}

func TestWhatAnEventSaysOfASet(t *testing.T) {
	b := make(believed)
	for i, step := range []struct {
		kind  api.EventKind
		to    string
		first bool
		want  []string
	}{
		{api.EventFailover, "secondary-2", false, []string{offPrimary.name}},
		{api.EventFailback, "secondary", false, []string{offPrimary.name}}, // better, but not the best
		{api.EventAllDown, "", false, []string{allDown.name, offPrimary.name}},
		{api.EventRecovered, "secondary", false, []string{offPrimary.name}},
		{api.EventFailback, "primary", true, nil},
		{api.EventAllDown, "", false, []string{allDown.name}},
		{api.EventRecovered, "primary", true, nil},
		{api.EventAllDown, "", false, []string{allDown.name}},
		{api.EventRecovered, "", false, nil}, // as of a weighted set
	} {
		m := of(uint64(i), 0, step.kind, "www.example.org.")
		m.To, m.First = step.to, step.first
		b.told(&m)
		got := make([]string, 0, 2)
		for _, a := range b.alerts("ns1", start) {
			got = append(got, a.Labels["alertname"])
		}
		if strings.Join(got, " ") != strings.Join(step.want, " ") {
			t.Errorf("Step %d, %s: %q stand, want %q", i, step.kind, got, step.want)
		}
	}
}

func TestEveryKindIsWorded(t *testing.T) {
	for _, kind := range api.EventKinds {
		for _, format := range Formats {
			m := message{Event: api.Event{Seq: 1, At: start, Kind: kind, Text: "x"}, id: "x"}
			if l, err := letterOf(format, &m, make(believed), "ns1", start); err != nil || !json.Valid(l.body) {
				t.Errorf("%s as %s: %v, %s", kind, format, err, l.body)
			}
		}
	}
}

func TestWhatEndsIsToldWithWhatBegins(t *testing.T) {
	for _, test := range []struct{ given, want string }{
		{"failover", "failover failback recovered"},
		{"all_down", "all_down recovered"},
		{"isolated drill manual", "isolated connected manual restored drill drill_end"},
		{"restored", "restored"},
	} {
		got, kinds := make([]string, 0, len(api.EventKinds)), make([]api.EventKind, 0, 3)
		for kind := range strings.FieldsSeq(test.given) {
			kinds = append(kinds, api.EventKind(kind))
		}
		for _, kind := range WithEnds(kinds) {
			got = append(got, string(kind))
		}
		if strings.Join(got, " ") != test.want {
			t.Errorf("%q gives %q, want %q", test.given, got, test.want)
		}
	}
}
