package flood

import (
	"context"
	"encoding/binary"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// TTLs of the record sets: the first while a switch is up.
const (
	ttlUp   = 60
	ttlDown = 10
)

// Field is a number of record sets, each with a switch that its health depends on: a file that says up or down. Every
// other set is a failover set, whose answer moves to the secondary, and the others are weighted ones, of which a record
// comes or goes; both change their TTL with it. So the answer tells what the server believes of the switch.
type Field struct {
	dir       string // of the switches
	aside     string // where they are written before they are moved to it
	timelines []timeline
}

// NewField makes the switches in a folder, all up.
func NewField(dir string, sets int) (*Field, error) {
	f := &Field{
		dir: filepath.Join(dir, "switches"), aside: filepath.Join(dir, "aside"), timelines: make([]timeline, sets),
	}
	for _, d := range []string{f.dir, f.aside} {
		if err := os.Mkdir(d, 0o700); err != nil {
			return nil, err
		}
	}
	for i := range f.timelines {
		if err := f.turn(i, true); err != nil {
			return nil, err
		}
	}
	return f, nil
}

// Stanza gives the lines of the failover plugin for the record sets.
func (f *Field) Stanza() string {
	var b strings.Builder
	fmt.Fprintf(&b, "ttl %ds %ds\n", ttlUp, ttlDown)
	for i := range f.timelines {
		// So long an interval that whatever is seen in a run is seen because the file is watched.
		fmt.Fprintf(&b, "check s%d file %s interval 1h\n", i, f.file(i))
		if weighted(i) {
			fmt.Fprintf(&b, "weight 1 %s %s check s%d\nweight 1 %s %s\n", label(i), addr(i, 0), i, label(i), addr(i, 1))
		} else {
			fmt.Fprintf(&b, "primary %s %s check s%d\nsecondary %s %s\n", label(i), addr(i, 0), i, label(i), addr(i, 1))
		}
	}
	return b.String()
}

func weighted(set int) bool { return set%2 == 1 }

// label is as long for each set.
func label(set int) string { return fmt.Sprintf("s%07d", set) }

// addr is one of the two addresses of a set.
func addr(set, which int) netip.Addr {
	var a [4]byte
	binary.BigEndian.PutUint32(a[:], uint32(0x7f010000+2*set+which))
	return netip.AddrFrom4(a)
}

func (f *Field) file(i int) string { return filepath.Join(f.dir, label(i)) }

// turn writes a switch.
func (f *Field) turn(i int, up bool) error {
	word := "down\n"
	if up {
		word = "up\n"
	}
	aside := filepath.Join(f.aside, label(i))
	if err := os.WriteFile(aside, []byte(word), 0o600); err != nil {
		return err
	}
	l := &f.timelines[i]
	l.begin(up)
	if err := os.Rename(aside, f.file(i)); err != nil {
		return err
	}
	l.finish()
	return nil
}

// beat is how often Change turns switches.
const beat = 10 * time.Millisecond

// Change turns switches, a number in a second, until ctx ends, and returns how many it has turned. They have their turn
// one after the other, so that each stands for as long as can be.
func (f *Field) Change(ctx context.Context, perSecond int) (changes int, err error) {
	ticker := time.NewTicker(beat)
	defer ticker.Stop()
	began := time.Now()
	for {
		select {
		case <-ctx.Done():
			return changes, nil
		case <-ticker.C:
		}
		// What is late is caught up, or a busy machine would see less of them.
		for wanted := int(time.Since(began).Seconds() * float64(perSecond)); changes < wanted; changes++ {
			i := changes % len(f.timelines)
			if err := f.turn(i, !f.timelines[i].up()); err != nil {
				return changes, err
			}
			if ctx.Err() != nil {
				return changes + 1, nil
			}
		}
	}
}

// answer is what a set has answered.
type answer struct {
	addr netip.Addr
	ttl  uint32
}

// right tells whether an answer of a set is right while its switch is up, or down.
func right(set int, a answer) func(up bool) bool {
	return func(up bool) bool {
		switch {
		case up && a.ttl == ttlUp:
			return a.addr == addr(set, 0) || weighted(set) && a.addr == addr(set, 1)
		case !up && a.ttl == ttlDown:
			return a.addr == addr(set, 1)
		}
		return false
	}
}
