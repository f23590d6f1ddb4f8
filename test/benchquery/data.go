//go:build linux

package main

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strconv"

	"github.com/seed-a19ac2b6/failover/test/bench"
)

const zone = "example.org"

// label is that of a set, as long for each.
func label(set int) string { return fmt.Sprintf("s%07d", set) }

// address is that of a record; all of them are answered by the endpoint, so all that check are content.
func address(record int) string { return "127.0.0." + strconv.Itoa(record+1) }

// mostQuestions bounds the questions that one run goes through, over and over.
const mostQuestions = 100_000

// writeQuestions writes what dnsperf asks: every set in random order, since clients do not come in that of a file.
func writeQuestions(path string, sets int) error {
	return bench.WriteFile(path, func(w *bufio.Writer) {
		order := rand.Perm(sets)
		for i := range max(1000, min(sets, mostQuestions)) {
			fmt.Fprintf(w, "%s.%s A\n", label(order[i%sets]), zone)
		}
	})
}

// writeZone writes a zone file in which a set is what line says.
func writeZone(path string, sets int, line func(w *bufio.Writer, set int)) error {
	return bench.WriteFile(path, func(w *bufio.Writer) {
		fmt.Fprintf(w, "$ORIGIN %s.\n$TTL 60\n", zone)
		fmt.Fprint(w, "@ SOA ns.dns hostmaster.dns 1 7200 1800 86400 60\n@ NS ns.dns\nns.dns A 127.0.0.1\n")
		for i := range sets {
			line(w, i)
		}
	})
}

// writeStatic writes the zone file of a server that gives out all the records of a set.
func writeStatic(dir string, c contestant) error {
	return writeZone(filepath.Join(dir, "zone"), c.sets, func(w *bufio.Writer, set int) {
		for r := range c.records() {
			fmt.Fprintf(w, "%s A %s\n", label(set), address(r))
		}
	})
}

func writeHosts(dir string, c contestant) error {
	return bench.WriteFile(filepath.Join(dir, "hosts"), func(w *bufio.Writer) {
		for i := range c.sets {
			fmt.Fprintf(w, "%s %s.%s\n", address(0), label(i), zone)
		}
	})
}

// writeWeights writes the file of the loadbalance plugin.
func writeWeights(dir string, c contestant) error {
	return bench.WriteFile(filepath.Join(dir, "weights"), func(w *bufio.Writer) {
		for i := range c.sets {
			fmt.Fprintf(w, "%s.%s\n", label(i), zone)
			for r, weight := range weights {
				fmt.Fprintf(w, "%s %d\n", address(r), weight)
			}
		}
	})
}
