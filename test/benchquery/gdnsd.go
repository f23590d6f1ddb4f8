//go:build linux

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/seed-a19ac2b6/failover/test/bench"
)

// mostResources bounds the resources that the names of gdnsd share: it looks for each in a list while it loads.
const mostResources = 1000

func (b *runner) startGdnsd(ctx context.Context, c contestant, s *server) error {
	path, err := installed("gdnsd")
	if err != nil {
		return err
	}
	for _, name := range []string{"run", "state", "zones"} {
		if err := os.Mkdir(filepath.Join(s.dir, name), 0o700); err != nil {
			return err
		}
	}
	plugin := map[string]string{single: "simplefo", weighted: "weighted"}[c.answers]
	zones := writeZone(filepath.Join(s.dir, "zones", zone), c.sets, func(w *bufio.Writer, set int) {
		fmt.Fprintf(w, "%s DYNA %s!r%d\n", label(set), plugin, set%mostResources)
	})
	config := bench.WriteFile(filepath.Join(s.dir, "config"), func(w *bufio.Writer) {
		fmt.Fprintf(w, "options => { listen => 127.0.0.1:%d, run_dir => %s/run, state_dir => %s/state, ", s.port, s.dir, s.dir)
		fmt.Fprint(w, "udp_threads => 1, tcp_threads => 1, zones_default_ttl => 60 }\n")
		fmt.Fprintf(w, "service_types => { t => { plugin => tcp_connect, port => %d } }\n", b.endpoint.Port)
		fmt.Fprintf(w, "plugins => { %s => {\n service_types => t\n", plugin)
		for i := range min(c.sets, mostResources) {
			if c.answers == single {
				fmt.Fprintf(w, " r%d => { primary => %s, secondary => %s }\n", i, address(0), address(1))
				continue
			}
			fmt.Fprintf(w, " r%d => {", i)
			for r, weight := range weights {
				fmt.Fprintf(w, " a%d => [ %s, %d ]", r, address(r), weight)
			}
			fmt.Fprint(w, " }\n")
		}
		fmt.Fprint(w, "} }\n")
	})
	if err := errors.Join(zones, config); err != nil {
		return err
	}
	s.Process, err = bench.Launch(ctx, b.measured, filepath.Join(s.dir, "log"), nil, path, "-c", s.dir, "start")
	return err
}
