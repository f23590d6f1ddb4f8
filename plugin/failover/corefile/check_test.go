package corefile

import (
	"net/netip"
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
	return config.Checks[0].Definition
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

func web(change func(*health.Probe)) health.Probe {
	p := health.Probe{
		Scheme: health.HTTPS, Host: "192.0.2.1", Port: 443, Path: "/", Method: "GET", Status: "200-399",
	}
	if change != nil {
		change(&p)
	}
	return p
}

func TestH06_StatusIsCanonical(t *testing.T) {
	for text, want := range map[string]string{
		"200":                     "200",
		"200-399":                 "200-399",
		"300-399,200-299":         "200-399",
		"204,200,205,206,200-201": "200-201,204-206",
		"100-599":                 "100-599",
	} {
		if got := definitionOf(t, "check c https:// status "+text).Probe.Status; got != want {
			t.Errorf("%s: status %s, want %s", text, got, want)
		}
	}
}

func TestProbe(t *testing.T) {
	for _, tc := range []struct {
		name  string
		lines []string
		want  health.Probe
	}{
		{"template", []string{"check c https://"}, web(nil)},
		{"port and path", []string{"check c https://:8443/a?b=c"}, web(func(p *health.Probe) { p.Port, p.Path = 8443, "/a?b=c" })},
		{"query alone", []string{"check c http://?b=c"}, web(func(p *health.Probe) {
			p.Scheme, p.Port, p.Path = health.HTTP, 80, "/?b=c"
		})},
		{"host", []string{"check c https://OPS.Example.Net."}, web(func(p *health.Probe) { p.Host = "ops.example.net" })},
		{"address", []string{"check c https://[2001:DB8:0::1]"}, web(func(p *health.Probe) { p.Host = "2001:db8::1" })},
		{"headers sorted", []string{"check c https:// header b 2 header A-a 1", "check * header b 3 header C 4"}, web(func(p *health.Probe) {
			p.Headers = "A-A: 1\nB: 2\nC: 4\n"
		})},
		{"host as sni", []string{"check c https:// sni A.example.org host a.example.org"}, web(func(p *health.Probe) {
			p.ServerName = "a.example.org"
		})},
		{"host with port", []string{"check c https:// host [2001:DB8::1]:8443"}, web(func(p *health.Probe) {
			p.HostHeader = "[2001:db8::1]:8443"
		})},
		{"tcp", []string{"check c tcp://:25", "check * status 200 insecure method HEAD"}, health.Probe{
			Scheme: health.TCP, Host: "192.0.2.1", Port: 25,
		}},
		{"tls", []string{"check c tls://mail.example.net:993 insecure"}, health.Probe{
			Scheme: health.TLS, Host: "mail.example.net", Port: 993, Insecure: true,
		}},
		{"sni that is the host", []string{"check c tls://mail.example.net:993 sni mail.example.net"}, health.Probe{
			Scheme: health.TLS, Host: "mail.example.net", Port: 993,
		}},
		{"source", []string{"check c tcp://:25 source 127.0.0.1"}, health.Probe{
			Scheme: health.TCP, Host: "192.0.2.1", Port: 25, Source: netip.MustParseAddr("127.0.0.1"),
		}},
		{"default source of another family", []string{"check c tcp://:25", "check * source ::1"}, health.Probe{
			Scheme: health.TCP, Host: "192.0.2.1", Port: 25,
		}},
		{"files", []string{"check c https:// tls testdata/ca.pem"}, web(func(p *health.Probe) { p.CAFile = "testdata/ca.pem" })},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := definitionOf(t, tc.lines...).Probe; got != tc.want {
				t.Errorf("Probe\n%+v\nwant\n%+v", got, tc.want)
			}
		})
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
				got = append(got, check.Definition.Probe.Target())
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
	return setNamed(t, config, "www.example.org.").Records[0].Values[0][0].Checks[0]
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
	} {
		got := errorOf(line)
		if got == "" || strings.Contains(got, "s3cret") {
			t.Errorf("%q: error %q", line, got)
		}
	}
}
