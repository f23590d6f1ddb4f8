package test

import (
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/seed-a19ac2b6/failover/test/harness"
)

// masks take out of an output what differs from one run to the next.
var masks = []struct {
	what *regexp.Regexp
	by   string
}{
	{regexp.MustCompile(`\b(\d{4}-\d\d-\d\d )?\d\d:\d\d:\d\d(\.\d+)?\b`), "TIME"},
	{regexp.MustCompile(`(<1ms|\b\d+(\.\d+)?(ms|s|m)\b)`), "SPAN"},
	{regexp.MustCompile(`[ \t]+`), " "}, // columns are as wide as what is in them
}

// TestFailoverctlReadme runs the commands of README's section in their order, on its server, and compares what they say.
// What is probed there has documentation addresses; here it has those of this machine.
func TestFailoverctlReadme(t *testing.T) {
	t.Parallel()
	corefile, commands := failoverctlSection(t)
	endpoint := harness.Serve(t, "127.1.0.1", "127.1.0.2")
	port := strconv.Itoa(endpoint.Port)
	here := strings.NewReplacer("192.0.2.1:80", "127.1.0.1:"+port, "192.0.2.1", "127.1.0.1",
		"198.51.100.1:80", "127.1.0.2:"+port, "198.51.100.1", "127.1.0.2", "http://:80/", "http://:"+port+"/")
	there := strings.NewReplacer("127.1.0.1:"+port, "192.0.2.1:80", "127.1.0.1", "192.0.2.1",
		"127.1.0.2:"+port, "198.51.100.1:80", "127.1.0.2", "198.51.100.1")
	corefile = strings.NewReplacer("example.org:53", "example.org:@DNS@", ":9180", ":@ADMIN@").Replace(here.Replace(corefile))
	s := harness.Start(t, corefile)
	env := []string{
		"FAILOVERCTL_SERVER=http://127.0.0.1:" + strconv.Itoa(s.Ports["@ADMIN@"]), "FAILOVERCTL_DNS=" + s.Addr, "FAILOVERCTL_AUTHOR=ann",
	}
	harness.Eventually(t, harness.Soon, "all checks to be known", func() bool {
		return strings.Count(harness.Ctl(t, s.Dir, env, "status").Out, "status 200") == 2
	})
	for _, c := range commands {
		r := harness.Run(t, s.Dir, env, "sh", "-c", here.Replace(c.line)+" 2>&1")
		want, got := masked(c.output), masked(there.Replace(r.Out))
		if want != got || r.Code != 0 {
			t.Errorf("README.md, %s: Expected\n%s\ngot the exit code %d and\n%s", c.line, want, r.Code, got)
		}
	}
}

func masked(text string) string {
	for _, m := range masks {
		text = m.what.ReplaceAllString(text, m.by)
	}
	return strings.TrimSpace(text)
}

// shown is a command and what it says.
type shown struct{ line, output string }

// failoverctlSection gives the Corefile of the section, and its commands.
func failoverctlSection(t *testing.T) (corefile string, commands []shown) {
	t.Helper()
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(readme), "\n## failoverctl\n")
	section, _, _ = strings.Cut(section, "\n## ")
	for i, part := range strings.Split(section, "~~~") {
		body, fenced := strings.CutPrefix(part, " txt\n")
		switch {
		case i%2 == 0 || !fenced:
		case !strings.HasPrefix(body, "$ "):
			corefile = body
		default:
			for _, command := range strings.Split("\n"+body, "\n$ ")[1:] {
				line, output, _ := strings.Cut(command, "\n")
				commands = append(commands, shown{line, output})
			}
		}
	}
	if corefile == "" || len(commands) < 5 {
		t.Fatalf("Expected a Corefile and commands, found %d", len(commands))
	}
	return corefile, commands
}
