package test

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/seed-a19ac2b6/failover/test/harness"
)

// step does what a comment says. These are all that there are:
//
//	kill WHO, start WHO          end or begin to answer, of the cast
//	kill server                  by SIGKILL
//	ended                        wait until the server has ended
//	cut off, connect             all of it
//	flap WHO N                   fall and rise N times, as the server sees it
//	damage FILE                  have a file say something else
//	block FILE, unblock FILE     have a folder stand where a file was
//	until "TEXT" COMMAND         wait until the command says TEXT
//	a second passes              as it says
//	exit N                       the next command ends with this code
func (r *reader) step(t *testing.T, step string) {
	t.Helper()
	word, rest, _ := strings.Cut(step, " ")
	path := filepath.Join(r.dir, rest)
	var err error
	switch word {
	case "kill":
		if rest == "server" {
			err = syscall.Kill(r.pid(), syscall.SIGKILL)
			r.ended(t)
			break
		}
		r.who(t, rest).Kill()
	case "start":
		r.who(t, rest).Revive(t)
	case "cut":
		for name := range cast {
			r.world[name].Kill()
		}
	case "connect":
		for name := range cast {
			r.world[name].Revive(t)
		}
	case "flap":
		name, times, _ := strings.Cut(rest, " ")
		n, _ := strconv.Atoi(times)
		check := "failoverctl status 'web@*" + net.JoinHostPort(cast[name].host, cast[name].port) + "*'"
		for range n {
			r.who(t, name).Kill()
			r.until(t, " unhealthy ", check)
			r.who(t, name).Revive(t)
			r.until(t, " healthy ", check)
		}
	case "damage":
		err = os.WriteFile(path, []byte("{ not what it was"), 0o600)
	case "block":
		// The server may write it anew in between.
		err = fs.ErrExist
		for range 100 {
			if errors.Is(err, fs.ErrExist) {
				os.Remove(path)
				err = os.Mkdir(path, 0o700)
			}
		}
	case "unblock":
		err = os.Remove(path)
	case "ended":
		r.ended(t)
	case "until":
		text, command, ok := strings.Cut(strings.TrimPrefix(strings.ReplaceAll(rest, `\"`, "\x00"), `"`), `" `)
		text = strings.NewReplacer("\x00", `"`, `\n`, "\n").Replace(text)
		if !ok {
			t.Fatalf("%s:%d: Expected a text and a command: %s", runbookFile, r.line, step)
		}
		r.until(t, text, command)
	case "a":
		time.Sleep(1500 * time.Millisecond) // What is older than a second is promised to be written.
	case "exit":
		r.exit, err = strconv.Atoi(rest)
	default:
		err = fmt.Errorf("unknown step %q", step)
	}
	if err != nil {
		t.Fatalf("%s:%d: %v", runbookFile, r.line, err)
	}
}

func (r *reader) who(t *testing.T, name string) *harness.Endpoint {
	t.Helper()
	if r.world[name] == nil {
		t.Fatalf("%s:%d: nobody is called %q", runbookFile, r.line, name)
	}
	return r.world[name]
}

func (r *reader) until(t *testing.T, text, command string) {
	t.Helper()
	said := ""
	for deadline := time.Now().Add(2 * harness.Soon); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		if said, _ = r.shell(t, command); strings.Contains(said, text) {
			return
		}
	}
	t.Fatalf("%s:%d: Expected %s to say %q, got\n%s", runbookFile, r.line, command, text, said)
}
