//go:build linux

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/seed-a19ac2b6/failover/test/bench"
)

var errNotInstalled = errors.New("not installed")

// startGdnsd runs the reference for TCP checks.
func (b *runner) startGdnsd(ctx context.Context, r run, port int) (*bench.Process, error) {
	path, err := exec.LookPath("gdnsd")
	if err != nil {
		// Debian installs it where only root looks.
		if path, err = exec.LookPath("/usr/sbin/gdnsd"); err != nil {
			return nil, errNotInstalled
		}
	}
	dir, err := os.MkdirTemp(b.dir, "gdnsd")
	if err != nil {
		return nil, err
	}
	for _, name := range []string{"run", "state", "zones"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o700); err != nil {
			return nil, err
		}
	}
	if err := writeGdnsd(dir, r, port); err != nil {
		return nil, err
	}
	return bench.Launch(ctx, b.measured, filepath.Join(dir, "log"), nil, path, "-c", dir, "start")
}

// perResource is how many addresses a resource of gdnsd has here; it may have 64.
const perResource = 50

func writeGdnsd(dir string, r run, port int) error {
	dns, err := bench.FreePort()
	if err != nil {
		return err
	}
	return bench.WriteFile(filepath.Join(dir, "config"), func(w *bufio.Writer) {
		fmt.Fprintf(w, "options => { listen => 127.0.0.1:%d, run_dir => %s/run, state_dir => %s/state, ", dns, dir, dir)
		fmt.Fprint(w, "udp_threads => 1, tcp_threads => 1 }\n")
		// It knows whole seconds only.
		fmt.Fprintf(w, "service_types => { t => { plugin => tcp_connect, port => %d, interval => %d, timeout => %d } }\n",
			port, max(2, int(r.interval.Seconds())), max(1, min(int(timeout.Seconds()), int(r.interval.Seconds())/2)))
		fmt.Fprint(w, "plugins => { multifo => {\n")
		for first := 0; first < r.checks; first += perResource {
			fmt.Fprintf(w, "r%d => { service_types => t", first)
			for i := first; i < min(first+perResource, r.checks); i++ {
				fmt.Fprintf(w, ", a%d => %s", i, bench.Target(i))
			}
			fmt.Fprint(w, " }\n")
		}
		fmt.Fprint(w, "} }\n")
	})
}
