package test

import (
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/seed-a19ac2b6/failover/test/harness"
)

// keepingHand is a server whose operator overrules checks, and whose state is kept.
func keepingHand(t *testing.T) (o *operated, corefile string) {
	t.Helper()
	corefile = harness.Zone(`
		admin unix:admin.sock
		state state.json
		check * interval 1s timeout 900ms fast 50ms
		check web  http://127.0.0.1:@WEB@/
		check mail http://127.0.0.1:@WEB@/mail
		primary   www 192.0.2.1 check web
		secondary www 192.0.2.2
		primary   box 192.0.2.3 check mail
		secondary box 192.0.2.4
		static x 192.0.2.9`)
	o = &operated{endpoint: harness.Serve(t)}
	o.Server = harness.Start(t, strings.ReplaceAll(corefile, "@WEB@", strconv.Itoa(o.endpoint.Port)))
	o.env = []string{
		"FAILOVERCTL_SERVER=unix:" + filepath.Join(o.Dir, "admin.sock"), "FAILOVERCTL_AUTHOR=ann", "FAILOVERCTL_DNS=" + o.Addr,
	}
	return o, strings.ReplaceAll(corefile, "@WEB@", strconv.Itoa(o.endpoint.Port))
}

func (o *operated) saved(t *testing.T, text string) {
	t.Helper()
	harness.Eventually(t, harness.Soon, "it is written: "+text, func() bool {
		return strings.Contains(stateText(t, o.Server), text)
	})
}

// TestH15_O02_WhatAnOperatorSaysIsKept has a manual state that failoverctl made live through a reload, a restart and a
// crash, and one end while the server is down.
func TestH15_O02_WhatAnOperatorSaysIsKept(t *testing.T) {
	t.Parallel()
	o, corefile := keepingHand(t)
	o.AwaitA(t, harness.Soon, "www", "192.0.2.1")
	o.want(t, 0, "down web --for 1h --reason disks", "manual state 1")
	stands := func(when string) {
		t.Helper()
		o.AwaitA(t, harness.Soon, "www", "192.0.2.2")
		r := o.ctl(t, "status", "-o", "json")
		if !strings.Contains(r.Out, `"disks"`) || !strings.Contains(r.Out, `"ann"`) {
			t.Errorf("%s: Expected the manual state, got\n%s%s", when, r.Out, r.Err)
		}
	}
	stands("made")
	o.SignalReload(t, strings.Replace(corefile, "192.0.2.9", "192.0.2.8", 1), false)
	o.AwaitA(t, harness.Soon, "x", "192.0.2.8")
	stands("reload")
	o.Restart(t)
	if got := o.A(t, "www"); got != "192.0.2.2" {
		t.Errorf("Expected the first answer after a restart to be that of before, got %s", got)
	}
	stands("restart")
	o.want(t, 0, "down mail --for 1h --reason sorting")
	made := time.Now()
	o.AwaitA(t, harness.Soon, "box", "192.0.2.4")
	o.saved(t, "sorting")
	if took := time.Since(made); took > 3*time.Second {
		t.Errorf("Expected it to be written within a second or so, it took %v", took)
	}
	o.Kill()
	o.Again(t)
	stands("crash")
	o.AwaitA(t, harness.Soon, "box", "192.0.2.4")
	o.want(t, 0, "restore mail", "sorting")

	// Its time ends while nobody is there to end it.
	o.want(t, 0, "down mail --for 2500ms --reason briefly", "manual state 3")
	ends := time.Now().Add(2500 * time.Millisecond)
	o.saved(t, "briefly")
	o.Kill()
	o.endpoint.Set(harness.Fail) // so that nothing that is probed brings it back
	time.Sleep(time.Until(ends))
	o.Again(t)
	if got := o.A(t, "box"); got != "192.0.2.3" {
		t.Errorf("Expected what has expired to be over, got %s", got)
	}
	o.want(t, 0, "events", "mail is not unhealthy by hand any more: its time is over")
	if o.Log.Count("mail is not unhealthy by hand any more: its time is over") != 1 {
		t.Error("Expected a line in the log of the manual state that has expired")
	}
	stands("the other")
}

// TestDrillsEndWithoutTheirClient kills the client of a drill, and then restarts or crashes the server.
func TestDrillsEndWithoutTheirClient(t *testing.T) {
	t.Parallel()
	for name, again := range map[string]func(*testing.T, *operated){
		"restart": func(t *testing.T, o *operated) { t.Helper(); o.Restart(t) },
		"crash": func(t *testing.T, o *operated) {
			t.Helper()
			o.saved(t, `"drill of `)
			o.Kill()
			o.Again(t)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o, _ := keepingHand(t)
			o.AwaitA(t, harness.Soon, "www", "192.0.2.1")
			harness.Eventually(t, harness.Soon, "all checks to be known", func() bool {
				return strings.Count(o.ctl(t, "status").Out, "status 200") == 2
			})
			cmd, said := o.drills(t, "--for", "6s", "--hold", "5900ms")
			began := time.Now()
			harness.Eventually(t, harness.Soon, "the answers to have moved", func() bool {
				return strings.Contains(said.String(), "moved after")
			})
			_ = cmd.Process.Signal(syscall.SIGKILL)
			_ = cmd.Wait() // It was killed.
			again(t, o)
			if got := o.A(t, "www"); got != "192.0.2.2" && time.Since(began) < 5*time.Second {
				t.Errorf("Expected the drill to stand until its time is over, got %s after %v", got, time.Since(began))
			}
			o.AwaitA(t, 2*harness.Soon, "www", "192.0.2.1")
			o.want(t, 0, "events", "by hand any more: its time is over")
			if r := o.ctl(t, "status"); strings.Contains(r.Out, "manual") {
				t.Errorf("Expected no manual state to be left, got\n%s", r.Out)
			}
		})
	}
}
