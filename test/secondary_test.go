package test

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/seed-a19ac2b6/failover/test/harness"
)

// secondary is a name server of another make that serves a copy of example.org.
type secondary struct {
	kind string
	addr string
	log  *harness.LogBuffer
}

// secondaries are the makes, each with what starts it in a directory, given its own port and that of the primary. All
// take the refresh of the SOA, two hours: what reaches them sooner reaches them by NOTIFY.
var secondaries = map[string]func(t *testing.T, dir string, port, primary int) *exec.Cmd{
	"knot": func(t *testing.T, dir string, port, primary int) *exec.Cmd {
		t.Helper()
		conf := write(t, dir, "knot.conf", fmt.Sprintf(`
server:
  rundir: %[1]s
  listen: 127.0.0.1@%[2]d
  udp-workers: 1
  tcp-workers: 1
  background-workers: 1
control:
  listen: %[1]s/s
database:
  storage: %[1]s
log:
  - target: stderr
    any: info
remote:
  - id: primary
    address: 127.0.0.1@%[3]d
acl:
  - id: notify
    address: 127.0.0.1
    action: notify
  - id: transfer
    address: 127.0.0.1
    action: transfer
zone:
  - domain: example.org
    storage: %[1]s
    master: primary
    acl: [notify, transfer]
`, dir, port, primary))
		return exec.Command(tool(t, "knotd", "knot"), "-c", conf)
	},
	"nsd": func(t *testing.T, dir string, port, primary int) *exec.Cmd {
		t.Helper()
		conf := write(t, dir, "nsd.conf", fmt.Sprintf(`
server:
  ip-address: 127.0.0.1@%[2]d
  username: ""
  chroot: ""
  zonesdir: "%[1]s"
  database: ""
  zonelistfile: "%[1]s/zone.list"
  pidfile: "%[1]s/nsd.pid"
  xfrdfile: "%[1]s/xfrd.state"
  xfrdir: "%[1]s"
  xfrd-reload-timeout: 0
  server-count: 1
  verbosity: 2
remote-control:
  control-enable: no
zone:
  name: example.org
  zonefile: "%[1]s/example.org.zone"
  allow-notify: 127.0.0.1 NOKEY
  request-xfr: 127.0.0.1@%[3]d NOKEY
  provide-xfr: 127.0.0.1 NOKEY
`, dir, port, primary))
		return exec.Command(tool(t, "nsd", "nsd"), "-d", "-c", conf)
	},
	"named": func(t *testing.T, dir string, port, primary int) *exec.Cmd {
		t.Helper()
		conf := write(t, dir, "named.conf", fmt.Sprintf(`
options {
	directory "%[1]s";
	listen-on port %[2]d { 127.0.0.1; };
	listen-on-v6 { none; };
	pid-file none;
	session-keyfile none;
	managed-keys-directory "%[1]s";
	recursion no;
	dnssec-validation no;
	notify no;
	allow-transfer { 127.0.0.1; };
};
controls { };
zone "example.org" {
	type secondary;
	file "example.org.db";
	masterfile-format text;
	primaries { 127.0.0.1 port %[3]d; };
};
`, dir, port, primary))
		// A copy: where AppArmor confines the program of the package, that may not read this directory.
		program, err := os.ReadFile(tool(t, "named", "bind9"))
		if err != nil {
			t.Fatal(err)
		}
		own := filepath.Join(dir, "named")
		if err := os.WriteFile(own, program, 0o700); err != nil {
			t.Fatal(err)
		}
		return exec.Command(own, "-g", "-n", "1", "-c", conf)
	},
}

// tool is the path of a program that make tools gets.
func tool(t *testing.T, program, debian string) string {
	t.Helper()
	path, err := exec.LookPath(program)
	for _, dir := range []string{"/usr/sbin", "/sbin"} { // not in the path of every user
		if err == nil {
			break
		}
		path, err = exec.LookPath(filepath.Join(dir, program))
	}
	if err != nil {
		t.Fatalf("%s is missing; make tools gets it, in Debian it is in the package %s", program, debian)
	}
	return path
}

func write(t *testing.T, dir, name, content string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// startSecondary runs a name server of a kind until the test ends.
func startSecondary(t *testing.T, kind string, port, primary int) *secondary {
	t.Helper()
	dir := t.TempDir()
	s := &secondary{kind: kind, addr: net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), log: new(harness.LogBuffer)}
	cmd := secondaries[kind](t, dir, port, primary)
	// A group of its own, since nsd has children, which hold on to what they write to.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr = writer, writer
	err = cmd.Start()
	writer.Close()
	if err != nil {
		reader.Close()
		t.Fatal(err)
	}
	go func() { _, _ = io.Copy(s.log, reader) }()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		ended := time.AfterFunc(10*time.Second, func() { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) })
		_ = cmd.Wait()
		ended.Stop()
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // children that outlived it
		reader.Close()
		if t.Failed() {
			t.Logf("The log of %s:\n%s", kind, s.log)
		}
	})
	return s
}

// ask returns the reply of the secondary, or nil when it gives none.
func (s *secondary) ask(name string, qtype uint16) *dns.Msg {
	reply, _, err := (&dns.Client{Timeout: time.Second}).Exchange(harness.Question(name, qtype), s.addr)
	if err != nil {
		return nil
	}
	return reply
}

// serial returns the serial of its copy, 0 while it has none.
func (s *secondary) serial() uint32 {
	if m := s.ask("example.org.", dns.TypeSOA); m != nil && len(m.Answer) == 1 {
		if soa, ok := m.Answer[0].(*dns.SOA); ok {
			return soa.Serial
		}
	}
	return 0
}

// answers returns what the secondary answers, as harness.Answer does.
func (s *secondary) answers(name string, qtype uint16) string {
	m := s.ask(name, qtype)
	if m == nil {
		return "nothing"
	}
	return dns.RcodeToString[m.Rcode] + " " + strings.Join(harness.Answer(m), " ")
}

// transfer asks a server for a zone, or for the changes since a serial, and returns the records as they come.
func transfer(addr string, m *dns.Msg) ([]dns.RR, error) { return transferFrom("127.0.0.1", addr, m) }

// transferFrom is transfer with an address of one's own.
func transferFrom(own, addr string, m *dns.Msg) ([]dns.RR, error) {
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(own)}, Timeout: harness.Patience}
	conn, err := dialer.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	envelopes, err := (&dns.Transfer{Conn: &dns.Conn{Conn: conn}, ReadTimeout: harness.Patience}).In(m, addr)
	if err != nil {
		return nil, err
	}
	var rrs []dns.RR
	for e := range envelopes {
		if e.Error != nil {
			err = e.Error
		}
		rrs = append(rrs, e.RR...)
	}
	return rrs, err
}

func axfr(zone string) *dns.Msg { return new(dns.Msg).SetAxfr(zone) }

func ixfr(zone string, serial uint32) *dns.Msg {
	return new(dns.Msg).SetIxfr(zone, serial, "ns.dns."+zone, "hostmaster."+zone)
}
