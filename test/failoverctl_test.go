package test

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/seed-a19ac2b6/failover/test/harness"

	"github.com/miekg/dns"
)

// operated is a server that an operator has at hand, with its two endpoints.
type operated struct {
	*harness.Server
	endpoint *harness.Endpoint
	env      []string
}

const operatedCorefile = `example.org:@DNS@ {
    bind 127.0.0.1
    errors
    failover {
        admin 127.0.0.1:@ADMIN@
        admin unix:admin.sock
        check * interval 100ms timeout 90ms fast 50ms
        check web  http://:@WEB@/
        check mail http://:@WEB@/mail
        primary   www 127.1.0.1 check web
        secondary www 127.1.0.2 check web id us
        primary   box 127.1.0.1 check mail
        secondary box 127.1.0.2 check mail id us
        set box failback manual
        static txt TXT "some text"
    }
}
`

func operate(t *testing.T) *operated {
	t.Helper()
	o := &operated{endpoint: harness.Serve(t, "127.1.0.1", "127.1.0.2")}
	o.Server = harness.Start(t, strings.ReplaceAll(operatedCorefile, "@WEB@", strconv.Itoa(o.endpoint.Port)))
	o.env = []string{
		"FAILOVERCTL_SERVER=unix:" + filepath.Join(o.Dir, "admin.sock"), "FAILOVERCTL_AUTHOR=ann", "FAILOVERCTL_DNS=" + o.Addr,
	}
	harness.Eventually(t, harness.Soon, "all checks to be known", func() bool {
		var s struct {
			Status struct{ Checks struct{ Healthy int } }
		}
		return json.Unmarshal([]byte(o.ctl(t, "status", "-o", "json").Out), &s) == nil && s.Status.Checks.Healthy == 4
	})
	return o
}

func (o *operated) ctl(t *testing.T, args ...string) harness.Result {
	t.Helper()
	return harness.Ctl(t, o.Dir, o.env, args...)
}

// want runs a command that must end with the code and say all of the texts.
func (o *operated) want(t *testing.T, code int, line string, texts ...string) {
	t.Helper()
	r := o.ctl(t, strings.Fields(line)...)
	all := strings.Join(strings.Fields(r.Out+r.Err), " ")
	for _, text := range texts {
		if !strings.Contains(all, text) {
			t.Errorf("failoverctl %s: Expected %q, got\n%s%s", line, text, r.Out, r.Err)
		}
	}
	if r.Code != code {
		t.Errorf("failoverctl %s: Expected the exit code %d, got %d and\n%s%s", line, code, r.Code, r.Out, r.Err)
	}
}

// answers waits for an address to be the answer.
func (o *operated) answers(t *testing.T, name, address string) {
	t.Helper()
	harness.Eventually(t, harness.Soon, name+" to be "+address, func() bool {
		return o.Addresses(t, name, dns.TypeA) == address
	})
}

// TestFailoverctl is an operator's day.
func TestFailoverctl(t *testing.T) {
	t.Parallel()
	o := operate(t)
	web := fmt.Sprintf("web@http://127.1.0.1:%d/", o.endpoint.Port)
	o.want(t, 0, "status", "CoreDNS-1.15.0, ready", "3 record sets", "4 checks", "www.example.org. A/AAAA failover settled primary 60")
	o.want(t, 0, "status www.example.org", "primary healthy 100% 127.1.0.1 "+web, "us healthy 0% 127.1.0.2", web+" healthy")
	o.want(t, 1, "status none.example.org", "no record set and no check")
	o.want(t, 0, "status --server http://127.0.0.1:"+strconv.Itoa(o.Ports["@ADMIN@"]), "3 record sets")

	o.want(t, 0, "down "+web+" --for 1h --reason disks", web+" is unhealthy by hand, by ann (manual state 1)", "checks 1")
	o.answers(t, "www.example.org.", "127.1.0.2")
	o.want(t, 0, "status web", web+" unhealthy", "by hand of ann: disks; else healthy")
	o.want(t, 0, "events", "failover www.example.org. A/AAAA has failed over from primary to us")
	o.want(t, 1, "drill www.example.org --yes", "the server says no: ")
	o.want(t, 0, "restore web", web+" is not unhealthy by hand any more (manual state 1: disks)")
	o.answers(t, "www.example.org.", "127.1.0.1")
	o.want(t, 1, "restore web", `no manual state is about "web"`)
	o.want(t, 0, "up later* --until-restored --reason moved", "none yet")
	o.want(t, 0, "restore --id 2", "later* is not healthy by hand any more")

	o.want(t, 0, "down mail@*.1.0.1:* --for 1h --reason disks", "checks 1")
	o.answers(t, "box.example.org.", "127.1.0.2")
	o.want(t, 0, "restore mail", "mail@*.1.0.1:* is not")
	o.want(t, 0, "status box.example.org", "back to primary when told us")
	o.want(t, 1, "drill box.example.org --yes", "box.example.org. is on us and goes back to primary when you say")
	o.want(t, 0, "failback box.example.org", "box.example.org. A/AAAA went from us to primary")
	o.answers(t, "box.example.org.", "127.1.0.1")
	o.want(t, 0, "failback box.example.org", "is on primary already")

	o.want(t, 0, "explain www.example.org --assume "+web+"=down", "us: chosen", "answer NOERROR www.example.org. 10 A 127.1.0.2")
	o.want(t, 1, "explain www.example.net", "failoverctl: the server says no: ")
	o.want(t, 0, "check Corefile", "1 zone, 3 record sets, 4 checks, 40 probes a second")
	o.Stop(t)
	o.want(t, 3, "status", "cannot reach unix:")
}

// TestFailoverctlDrill wants the answers to move, and to be back whatever ends the drill.
func TestFailoverctlDrill(t *testing.T) {
	t.Parallel()
	o := operate(t)
	o.want(t, 0, "drill www.example.org --yes", "now primary: 127.1.0.1", "then us: 127.1.0.2", "started", "restored",
		"www.example.org. A/AAAA moved after")
	o.want(t, 4, "drill box.example.org --yes", "its failback is manual, so it stays until you say: failoverctl failback box.example.org.")
	o.want(t, 0, "failback box.example.org")
	o.want(t, 2, "drill www.example.org", "give --yes")
	o.want(t, 1, "drill txt.example.org --yes", "the server says no: ")
	o.want(t, 3, "drill www.example.org --yes --dns 127.0.0.1:1", "cannot reach 127.0.0.1:1")

	// By the question of a real terminal, which has colours.
	for typed, code := range map[string]int{"y\n": 0, "n\n": 1} {
		cmd := exec.Command("script", "-qec", "failoverctl drill www.example.org", "/dev/null")
		path, err := harness.Failoverctl()
		if err != nil {
			t.Fatal(err)
		}
		cmd.Env = append(append(os.Environ(), o.env...), "TERM=xterm", "NO_COLOR=", "PATH="+filepath.Dir(path)+":"+os.Getenv("PATH"))
		in, err := cmd.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		var said harness.LogBuffer
		cmd.Stdout, cmd.Stderr = &said, &said
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		harness.Eventually(t, harness.Soon, "the question", func() bool { return strings.Contains(said.String(), "[y/N]") })
		fmt.Fprint(in, typed)
		_ = cmd.Wait() // The code tells.
		if got := cmd.ProcessState.ExitCode(); got != code || !strings.Contains(said.String(), "\x1b[1mwww.example.org.\x1b[0m") {
			t.Errorf("Typed %q: Expected the exit code %d and colours, got %d and\n%q", typed, code, got, said.String())
		}
	}

	for _, ending := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
		cmd, said := o.holding(t, "1m")
		if err := cmd.Process.Signal(ending); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait() // The code tells.
		if got := cmd.ProcessState.ExitCode(); got != 130 || !strings.Contains(said.String(), "restored\n") {
			t.Errorf("%v: Expected the exit code 130 and it restored, got %d and\n%s", ending, got, said)
		}
		o.answers(t, "www.example.org.", "127.1.0.1")
	}
	// What can restore nothing any more leaves that to the server.
	cmd, _ := o.holding(t, "3s")
	_ = cmd.Process.Kill()
	_ = cmd.Wait() // It was killed.
	o.answers(t, "www.example.org.", "127.1.0.1")
	o.want(t, 0, "events", "drill_end")
}

// holding begins a drill that stays when the answers have moved, which they have.
func (o *operated) holding(t *testing.T, length string) (*exec.Cmd, *harness.LogBuffer) {
	t.Helper()
	cmd, said := o.drills(t, "--for", length, "--hold", "2900ms")
	harness.Eventually(t, harness.Soon, "the answers to have moved", func() bool { return strings.Contains(said.String(), "moved after") })
	o.answers(t, "www.example.org.", "127.1.0.2")
	return cmd, said
}

// drills begins a drill and does not wait for it.
func (o *operated) drills(t *testing.T, more ...string) (*exec.Cmd, *harness.LogBuffer) {
	t.Helper()
	path, err := harness.Failoverctl()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, append([]string{"drill", "www.example.org", "--yes"}, more...)...)
	cmd.Env = append(os.Environ(), o.env...)
	said := new(harness.LogBuffer)
	cmd.Stdout, cmd.Stderr = said, said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd, said
}

// TestFailoverctlFollows wants what follows the server to see changes, over its restart too.
func TestFailoverctlFollows(t *testing.T) {
	t.Parallel()
	o := operate(t)
	path, err := harness.Failoverctl()
	if err != nil {
		t.Fatal(err)
	}
	begin := func(args ...string) *harness.LogBuffer {
		cmd := exec.Command(path, args...)
		cmd.Env = append(os.Environ(), o.env...)
		said := new(harness.LogBuffer)
		cmd.Stdout, cmd.Stderr = said, said
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			_ = cmd.Process.Signal(os.Interrupt)
			_ = cmd.Wait() // The code tells.
			if code := cmd.ProcessState.ExitCode(); code != 0 {
				t.Errorf("%v: Expected the exit code 0 after Ctrl-C, got %d and\n%s", args, code, said)
			}
		})
		return said
	}
	events, status := begin("events", "--follow"), begin("status", "--watch", "www*")
	says := func(said *harness.LogBuffer, text string) {
		t.Helper()
		harness.Eventually(t, harness.Soon, text, func() bool { return strings.Contains(said.String(), text) })
	}
	says(status, "settled  primary")
	o.want(t, 0, "down web@http://127.1.0.1:* --until-restored --reason moved")
	says(events, "has failed over from primary to us")
	says(status, "us       10")
	o.Restart(t)
	says(events, "the server was started anew")
	o.endpoint.Kill()
	says(events, "all_down")
	says(status, "all down")
}

// TestFailoverctlIsKnown wants changes to need what the admin line asks for: a token, or a certificate.
func TestFailoverctlIsKnown(t *testing.T) {
	t.Parallel()
	authority := newAuthority(t)
	cert, key := keyPair(t, authority.issue(t, "localhost", time.Hour))
	s := harness.Start(t, `example.org:@DNS@ {
    bind 127.0.0.1
    errors
    failover {
        admin 127.0.0.1:@TOKEN@ token_file token
        admin 127.0.0.1:@TLS@ tls cert.pem key.pem ca.pem
        check web manual
        answer www 192.0.2.1 check web
    }
}
`, "token", "s3cret-canary\n", "wrong", "another\n", "cert.pem", cert, "key.pem", key, "ca.pem", authority.pem)
	plain := "http://" + net.JoinHostPort("127.0.0.1", strconv.Itoa(s.Ports["@TOKEN@"]))
	secure := "https://" + net.JoinHostPort("localhost", strconv.Itoa(s.Ports["@TLS@"]))
	const down = "down web --for 1h --reason r --author ann"
	for _, tc := range []struct {
		name, line string
		code       int
		want       string
	}{
		{"anybody may read here", "status --server " + plain, 0, "1 record set"},
		{"no token", down + " --server " + plain, 1, "does not know who asks"},
		{"another token", down + " --token-file wrong --server " + plain, 1, "does not know who asks"},
		{"the token", down + " --token-file token --server " + plain, 0, "by ann (manual state 1)"},
		{"another authority", "status --server " + secure, 3, "certificate signed by unknown authority"},
		{"plain for secure", "status --server http" + strings.TrimPrefix(secure, "https"), 3, "cannot reach"},
		{"no certificate", down + " --ca ca.pem --server " + secure, 1, ""},
		{"a certificate", down + " --ca ca.pem --cert cert.pem --key key.pem --server " + secure, 0, "is unhealthy by hand, by "},
	} {
		r := harness.Ctl(t, s.Dir, nil, strings.Fields(tc.line)...)
		if all := r.Out + r.Err; r.Code != tc.code || !strings.Contains(all, tc.want) || strings.Contains(all, "canary") {
			t.Errorf("%s: Expected the exit code %d and %q, got %d and\n%s", tc.name, tc.code, tc.want, r.Code, all)
		}
	}
	if strings.Contains(s.Log.String(), "canary") {
		t.Error("Expected no token in the log")
	}
}

// TestFailoverctlCheck wants to judge each example of the documentation as the server does, which starts with them all.
func TestFailoverctlCheck(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, corefile := range examples(t) {
		if err := os.WriteFile(filepath.Join(dir, "Corefile"), []byte(corefile), 0o600); err != nil {
			t.Fatal(err)
		}
		r := harness.Ctl(t, dir, nil, "check", "Corefile")
		if r.Code != 0 || r.Out == "" {
			t.Errorf("%s: Expected the exit code 0, got %d and\n%s%s", name, r.Code, r.Out, r.Err)
		}
	}
	const mistaken = "example.org:@DNS@ {\n    failover {\n        check web http://:80/ intervall 5s\n" +
		"        answer www 192.0.2.1 check web\n    }\n}\n"
	refused := harness.Refused(t, mistaken)
	if err := os.WriteFile(filepath.Join(dir, "Corefile"), []byte(strings.ReplaceAll(mistaken, "@DNS@", "53")), 0o600); err != nil {
		t.Fatal(err)
	}
	r := harness.Ctl(t, dir, nil, "check", "Corefile")
	line, _ := bufio.NewReader(strings.NewReader(r.Err)).ReadString('\n')
	if r.Code != 1 || line == "" || !strings.Contains(refused, line[:len(line)-1]) {
		t.Errorf("Expected the exit code 1 and what the server says, got %d and %q beside\n%s", r.Code, line, refused)
	}
}

// keyPair is a certificate and its key as files have them.
func keyPair(t *testing.T, c tls.Certificate) (certificate, key string) {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(c.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	return pemBlock("CERTIFICATE", c.Certificate[0]), pemBlock("PRIVATE KEY", der)
}
