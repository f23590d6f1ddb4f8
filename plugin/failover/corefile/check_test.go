package corefile

import (
	"strings"
	"testing"
	"time"

	"github.com/seed-a19ac2b6/failover/health"
)

// stanzaOf parses lines as the one stanza of example.org.
func stanzaOf(tb testing.TB, lines ...string) *Config {
	tb.Helper()
	configs, err := parseText("Corefile", "example.org {\nfailover {\n"+strings.Join(lines, "\n")+"\n}\n}\n")
	if err != nil {
		tb.Fatal(err)
	}
	soundConfig(tb, configs[0])
	return configs[0]
}

// errorOf parses lines as the one stanza of example.org, the first of which is line 1, and returns the error.
func errorOf(lines ...string) string {
	_, err := parseText("Corefile", "example.org { \nfailover {\n"+strings.Join(lines, "\n")+"\n}\n}\n")
	if err == nil {
		return ""
	}
	return strings.TrimPrefix(err.Error(), "Corefile:")
}

// setNamed returns the set of the name, the first of its zone if there are several types.
func setNamed(tb testing.TB, config *Config, name string) *Set {
	tb.Helper()
	for _, zone := range config.Zones {
		for _, set := range zone.Sets {
			if set.Name == name {
				return set
			}
		}
	}
	tb.Fatalf("No set %s", name)
	return nil
}

// definitionOf returns what a check comes to for the value 192.0.2.1.
func definitionOf(tb testing.TB, lines ...string) health.Definition {
	tb.Helper()
	config := stanzaOf(tb, append(lines, "answer www 192.0.2.1 check c")...)
	if len(config.Checks) != 1 {
		tb.Fatalf("%d checks, want 1", len(config.Checks))
	}
	return config.Checks[0].Definition()
}

func timing(change func(*health.Timing)) health.Timing {
	t := health.Timing{
		Interval: 10 * time.Second, Timeout: 4 * time.Second, Fast: 2 * time.Second, Fall: 3, Rise: 2,
	}
	if change != nil {
		change(&t)
	}
	return t
}

func TestH03_TimingDefaultsAndKnobs(t *testing.T) {
	for _, tc := range []struct {
		name  string
		lines []string
		want  health.Timing
	}{
		{"defaults", []string{"check c tcp://:25"}, timing(nil)},
		{"fall in a row", []string{"check c tcp://:25 fall 5 rise 1"}, timing(func(t *health.Timing) { t.Fall, t.Rise = 5, 1 })},
		{"fall in a window", []string{"check c tcp://:25 fall 3/5"}, timing(func(t *health.Timing) { t.FallOf = 5 })},
		{"defaults of the stanza", []string{"check * fall 4 timeout 1s", "check c tcp://:25"}, timing(func(t *health.Timing) {
			t.Fall, t.Timeout = 4, time.Second
		})},
		{"own before defaults", []string{"check c tcp://:25 fall 2", "check * fall 3/5"}, timing(func(t *health.Timing) { t.Fall = 2 })},
		{"file", []string{"check c file /run/www"}, timing(func(t *health.Timing) { t.Fall, t.Rise = 1, 1 })},
		{"file deaf to defaults", []string{"check c file /run/www", "check * fall 3 rise 3 hold 1m interval 5s"}, timing(func(t *health.Timing) {
			t.Fall, t.Rise, t.Interval, t.Fast = 1, 1, 5*time.Second, time.Second
		})},
		{"file by its own words", []string{"check c file /run/www fall 2 rise 4"}, timing(func(t *health.Timing) { t.Fall, t.Rise = 2, 4 })},
		{"lines add up", []string{"check c fall 2", "check c tcp://:25", "check c rise 3"}, timing(func(t *health.Timing) {
			t.Fall, t.Rise = 2, 3
		})},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := definitionOf(t, tc.lines...).Timing; got != tc.want {
				t.Errorf("Timing %+v, want %+v", got, tc.want)
			}
		})
	}
}

func TestH04_FastIsAFifthOfTheInterval(t *testing.T) {
	for _, tc := range []struct {
		knobs string
		want  time.Duration
	}{
		{"", 2 * time.Second},
		{"interval 1m", 12 * time.Second},
		{"interval 3s", time.Second},
		{"interval 500ms timeout 100ms", 500 * time.Millisecond},
		{"interval 1m fast 10ms", 10 * time.Millisecond},
		{"interval 1m fast 1m", time.Minute},
	} {
		if got := definitionOf(t, "check c tcp://:25 "+tc.knobs).Timing.Fast; got != tc.want {
			t.Errorf("%q: fast %s, want %s", tc.knobs, got, tc.want)
		}
	}
}

func TestH05_Hold(t *testing.T) {
	for _, tc := range []struct {
		knobs     string
		hold, max time.Duration
	}{
		{"", 0, 0},
		{"hold 1m", time.Minute, 16 * time.Minute},
		{"hold 24h", 24 * time.Hour, 168 * time.Hour},
		{"hold 1m 1m", time.Minute, time.Minute},
		{"hold 5m 1h rise 2", 5 * time.Minute, time.Hour},
	} {
		got := definitionOf(t, "check c tcp://:25 "+tc.knobs).Timing
		if got.Hold != tc.hold || got.HoldMax != tc.max {
			t.Errorf("%q: hold %s up to %s, want %s up to %s", tc.knobs, got.Hold, got.HoldMax, tc.hold, tc.max)
		}
	}
}

// What a check counts as at the start is no part of what is measured.
func TestStart(t *testing.T) {
	config := stanzaOf(t, "check c tcp://:25 start unhealthy", "check d tcp://:25", "check e tcp://:25 start healthy",
		"check * start unhealthy", "answer a 192.0.2.1 check c", "answer b 192.0.2.1 check d", "answer c 192.0.2.1 check e")
	if len(config.Checks) != 1 {
		t.Errorf("%d running checks, want 1", len(config.Checks))
	}
	for name, want := range map[string]bool{"a": false, "b": false, "c": true} {
		leaf := setNamed(t, config, name+".example.org.").Records[0].Checks(0)[0]
		if got := leaf.Evaluate(unknown).Healthy; got != want {
			t.Errorf("%s at the start: healthy is %v, want %v", name, got, want)
		}
	}
}

func TestH06_StatusIsCanonical(t *testing.T) {
	for text, want := range map[string]string{
		"200":                     "200",
		"200-399":                 "200-399",
		"300-399,200-299":         "200-399",
		"204,200,205,206,200-201": "200-201,204-206",
		"100-599":                 "100-599",
	} {
		if got := definitionOf(t, "check c https:// status "+text).Probe.Spec().Status; got != want {
			t.Errorf("%s: status %s, want %s", text, got, want)
		}
	}
}

func TestTemplates(t *testing.T) {
	for _, tc := range []struct {
		name, check, record string
		want                []string
	}{
		{"addresses", "tcp://:25", "192.0.2.1 2001:db8::1", []string{"tcp://192.0.2.1:25", "tcp://[2001:db8::1]:25"}},
		{"CNAME", "https://", "CNAME eu", []string{"https://eu.example.org:443/"}},
		{"MX", "tcp://:25", `MX "10 mx1" "20 MX2.example.net."`, []string{"tcp://mx1.example.org:25", "tcp://mx2.example.net:25"}},
		{"SRV", "tcp://", `SRV "0 0 5060 sip1" "0 0 5061 sip1"`, []string{"tcp://sip1.example.org:5060", "tcp://sip1.example.org:5061"}},
		{"SRV without a port", "icmp://", `SRV "0 0 5060 sip1"`, []string{"icmp://sip1.example.org"}},
		{"name servers", "dns:///example.org/SOA", "192.0.2.1 2001:db8::1", []string{
			"dns://192.0.2.1:53/example.org./SOA", "dns://[2001:db8::1]:53/example.org./SOA",
		}},
		{"SRV with a port", "tcp://:25", `SRV "0 0 5060 sip1"`, []string{"tcp://sip1.example.org:25"}},
		{"SRV and a scheme with a port", "http://", `SRV "0 0 8080 web1"`, []string{"http://web1.example.org:8080/"}},
		{"HTTPS of the owner", "https://", `HTTPS "1 . alpn=h2"`, []string{"https://x.example.org:443/"}},
		{"SVCB", "https://:8443", `SVCB "1 svc1"`, []string{"https://svc1.example.org:8443/"}},
		{"a fixed host", "http://ops.example.net/a?token=b", "192.0.2.1 192.0.2.2", []string{"http://ops.example.net:80/a"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			config := stanzaOf(t, "check c "+tc.check, "primary x "+tc.record+" check c")
			var got []string
			for _, check := range config.Checks {
				got = append(got, check.Probe.Target())
			}
			if strings.Join(got, " ") != strings.Join(tc.want, " ") {
				t.Errorf("Targets %q, want %q", got, tc.want)
			}
		})
	}
}

func TestEqualDefinitionsAreOneCheck(t *testing.T) {
	config := stanzaOf(t,
		"check b https://:443/ status 200-299,300-399 interval 10000ms",
		"check a https:// method GET", "check c http://:443",
		"weight 1 www 192.0.2.1 check b a", "weight 1 api 192.0.2.1 check a")
	if len(config.Checks) != 1 {
		t.Fatalf("%d checks, want 1", len(config.Checks))
	}
	if got := strings.Join(config.Checks[0].Names, " "); got != "a b" {
		t.Errorf("Names %q, want %q", got, "a b")
	}
}

// express returns the expression that the lines give the record of www.
func expressionOf(t *testing.T, config *Config) *health.Expression {
	t.Helper()
	return setNamed(t, config, "www.example.org.").Records[0].Checks(0)[0]
}

// unknown is the status of every check at the start.
func unknown(int) health.Status { return health.Status{} }

func TestH10_InvertAndDisabled(t *testing.T) {
	for _, tc := range []struct {
		check  string
		probes int
		want   bool
	}{
		{"tcp://:25", 1, true},
		{"tcp://:25 invert", 1, false},
		{"tcp://:25 disabled", 0, true},
		{"tcp://:25 disabled invert", 0, false},
		{"not other", 1, false},
		{"not other invert", 1, true},
		{"not other disabled", 0, true},
		{"manual", 0, true},
		{"manual invert", 0, false},
	} {
		config := stanzaOf(t, "check c "+tc.check, "check other http://ops.example.net/", "answer www 192.0.2.1 check c")
		if len(config.Checks) != tc.probes {
			t.Errorf("%s: %d running checks, want %d", tc.check, len(config.Checks), tc.probes)
		}
		if got := expressionOf(t, config).Evaluate(unknown).Healthy; got != tc.want {
			t.Errorf("%s: healthy is %v, want %v", tc.check, got, tc.want)
		}
	}
	config := stanzaOf(t, "check c tcp://:25", "check * disabled", "answer www 192.0.2.1 check c")
	if len(config.Checks) != 0 {
		t.Error("A check disabled by default is probed")
	}
}

func TestC01_CombinedChecks(t *testing.T) {
	const children = 3
	for target, healthy := range map[string]func(n int) bool{
		"all x y z":       func(n int) bool { return n == 3 },
		"any x y z":       func(n int) bool { return n >= 1 },
		"atleast 2 x y z": func(n int) bool { return n >= 2 },
		"not inner":       func(n int) bool { return n < 2 },
	} {
		config := stanzaOf(t, "check c "+target, "check inner atleast 2 x y z",
			"check x tcp://:1", "check y tcp://:2", "check z tcp://192.0.2.9:3", "answer www 192.0.2.1 check c")
		if len(config.Checks) != children {
			t.Fatalf("%s: %d checks, want %d", target, len(config.Checks), children)
		}
		for up := range 1 << children {
			states := func(leaf int) health.Status {
				if up>>leaf&1 == 1 {
					return health.Status{State: health.Healthy}
				}
				return health.Status{State: health.Unhealthy}
			}
			count := up&1 + up>>1&1 + up>>2&1
			if got := expressionOf(t, config).Evaluate(states).Healthy; got != healthy(count) {
				t.Errorf("%s with %d healthy: %v", target, count, got)
			}
		}
	}
}

func TestC02_AtLeastMoreThanThereAre(t *testing.T) {
	got := errorOf("check c atleast 3 x y", "check x tcp://:1", "check y tcp://:2")
	if want := "3 - check c: atleast 3 of 2 checks can never be"; got != want {
		t.Errorf("Error %q, want %q", got, want)
	}
	config := stanzaOf(t, "check c atleast 2 x y", "check x tcp://:1 disabled", "check y tcp://:2", "answer www 192.0.2.1 check c")
	if !expressionOf(t, config).Evaluate(unknown).Healthy {
		t.Error("A disabled child does not count as healthy")
	}
}

// Errors go to logs, which more people read than the Corefile.
func TestErrorsHoldNoSecrets(t *testing.T) {
	for _, line := range []string{
		"check c https://user:s3cret@www.example.net/",
		"check c https://user:s3cret@www.example.net:x/",
		`check c "https://www.example.net/?token=s3cret#x"`,
		"check c https://www.example.net/%zz?token=s3cret",
		"check c https://user:s3cret/x@www.example.net/",
		"check c tcp://192.0.2.1:25/s3cret",
		"check c https:// header \"Authorization: Bearer s3cret\" interval 5s",
		"check c https:// header Authorization Bearer s3cret",
		"check c https:// header Authorization \"Bearer s3cret\x01\"",
		"check c https:// header Host s3cret",
		"check c https:// method POST body s3cret s3cret",
		"check c https:// proxy http://user:s3cret@192.0.2.8:3128",
		"check c https:// proxy http://user:s3cret@192.0.2.8",
		"check c https:// proxy http://user:s3cret%zz@192.0.2.8:3128",
		"check c tcp://:25 send s3cret s3cret",
		`check c tcp://:25 send s3cret\q`,
		`check c tcp://:25 send s3cret\xs3`,
		"check c tcp://:25 expect s3cret s3cret",
		"check c exec /bin/echo s3cret",
		"check c exec \"/bin/echo\" \"s3cret\x00\"",
		"check c prometheus http://user:s3cret@192.0.2.9:9090 up",
		"check c prometheus http://192.0.2.9:9090/?token=s3cret up",
		"check c prometheus s3cret up",
		"check c prometheus http://192.0.2.9:9090 up s3cret",
	} {
		got := errorOf(line)
		if got == "" || strings.Contains(got, "s3cret") {
			t.Errorf("%q: error %q", line, got)
		}
	}
}
