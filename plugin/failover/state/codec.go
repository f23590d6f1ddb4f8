package state

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"time"

	"github.com/seed-a19ac2b6/failover/plugin/failover/api"
)

// document is the file as JSON has it. It is written by Write so that each check, set and manual state has a line.
type document struct {
	Version    int               `json:"version"`
	Saved      time.Time         `json:"saved"`
	Final      bool              `json:"final"`
	LastManual uint64            `json:"last_manual"`
	Serials    map[string]uint32 `json:"serials"`
	Manual     []api.Manual      `json:"manual"`
	Sets       []Set             `json:"sets"`
	Checks     []Check           `json:"checks"`
	CRC        string            `json:"crc32c"`
}

// The last two lines of a file: the checksum of all before them, against disks and editors; it is no signature.
const (
	crcLine   = "\"crc32c\": \"%08x\"\n}\n"
	crcLength = len("\"crc32c\": \"01234567\"\n}\n")
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// writer writes until something fails.
type writer struct {
	to  io.Writer
	sum hash.Hash32
	err error
}

func (w *writer) Write(p []byte) (int, error) {
	if w.err != nil {
		return 0, w.err
	}
	n, err := w.to.Write(p)
	w.sum.Write(p[:n])
	w.err = err
	return n, err
}

func (w *writer) field(name string, value any) {
	text, err := json.Marshal(value)
	if err != nil && w.err == nil {
		w.err = err
	}
	fmt.Fprintf(w, "%q: %s,\n", name, text)
}

// list writes a field with a line for every item.
func list[T any](w *writer, name string, items func(yield func(T) bool)) {
	fmt.Fprintf(w, "%q: [", name)
	var line bytes.Buffer
	e := json.NewEncoder(&line)
	e.SetEscapeHTML(false)
	first := true
	items(func(item T) bool {
		line.Reset()
		if first {
			line.WriteString("\n")
		} else {
			line.WriteString(",\n")
		}
		first = false
		if err := e.Encode(item); err != nil && w.err == nil {
			w.err = err
		}
		_, _ = w.Write(bytes.TrimSuffix(line.Bytes(), []byte("\n")))
		return w.err == nil
	})
	fmt.Fprint(w, "\n],\n")
}

// Write writes the content.
func Write(to io.Writer, c Content) error {
	w := &writer{to: to, sum: crc32.New(castagnoli)}
	fmt.Fprint(w, "{\n")
	w.field("version", Version)
	w.field("saved", c.Saved)
	w.field("final", c.Final)
	w.field("last_manual", c.LastManual)
	w.field("serials", c.Serials)
	list(w, "manual", func(yield func(api.Manual) bool) {
		for _, m := range c.Manual {
			if !yield(m) {
				return
			}
		}
	})
	list(w, "sets", c.Sets)
	list(w, "checks", c.Checks)
	fmt.Fprintf(w, crcLine, w.sum.Sum32())
	return w.err
}

// Read reads what Write has written, and tells what is wrong with anything else.
func Read(text []byte) (*Saved, error) {
	var version struct {
		Version *int `json:"version"`
	}
	// Nearly always the version can be seen without reading all.
	if !bytes.HasPrefix(text, fmt.Appendf(nil, "{\n\"version\": %d,\n", Version)) {
		switch err := json.Unmarshal(text, &version); {
		case len(text) == 0:
			return nil, errors.New("it is empty")
		case err != nil:
			return nil, fmt.Errorf("it is no JSON: %w", err)
		case version.Version == nil:
			return nil, errors.New("it has no version")
		case *version.Version != Version:
			return nil, fmt.Errorf("its version is %d, and this program knows version %d", *version.Version, Version)
		}
	}
	if len(text) < crcLength {
		return nil, errors.New("it is cut short")
	}
	body := text[:len(text)-crcLength]
	if string(text[len(body):]) != fmt.Sprintf(crcLine, crc32.Checksum(body, castagnoli)) {
		return nil, errors.New("its checksum is wrong")
	}
	var d document
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&d); err != nil {
		return nil, err
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows the end")
	}
	return d.check()
}

// check refuses what no process can have written.
func (d *document) check() (*Saved, error) {
	if d.Version != Version || d.Saved.IsZero() {
		return nil, errors.New("it does not say when it was saved, and in which version")
	}
	last := uint64(0)
	for i := range d.Manual {
		m := &d.Manual[i]
		switch {
		case !known(m.State):
			return nil, fmt.Errorf("a manual state is %q", m.State)
		case m.ID <= last || m.ID > d.LastManual:
			return nil, fmt.Errorf("the manual state %d is out of order", m.ID)
		}
		last = m.ID
	}
	for i := range d.Checks {
		if c := &d.Checks[i]; !known(c.State) || c.Since.IsZero() || c.Probed.IsZero() {
			return nil, fmt.Errorf("the check %.100q has no state, or not since when", c.Check)
		}
	}
	return &Saved{
		Header: Header{
			Saved: d.Saved, Final: d.Final, LastManual: d.LastManual, Serials: d.Serials, Manual: d.Manual,
		},
		Sets: d.Sets, Checks: d.Checks,
	}, nil
}

func known(state string) bool { return state == api.Healthy || state == api.Unhealthy }
