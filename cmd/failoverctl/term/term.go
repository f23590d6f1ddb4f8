// Package term writes for people: tables, colours, progress and questions. What it is given may come from anywhere, a
// probed endpoint among it, so whatever could command a terminal is taken out of it.
package term

import (
	"fmt"
	"io"
	"os"
	"strings"
	"unicode"

	"golang.org/x/term"
)

// Terminal is where a command writes. Its methods are for one goroutine at a time.
type Terminal struct {
	Out, Err io.Writer
	In       io.Reader
	// Live tells that somebody watches Out: then what was written may be changed.
	Live bool
	// Asks tells that somebody can answer.
	Asks   bool
	colour bool
	bar    bool // a progress line stands on Err
	watch  bool // somebody watches Err
}

// New is the terminal of this process. Colour is "auto", "always" or "never".
func New(in, out, errs *os.File, colour string) (*Terminal, error) {
	is := func(f *os.File) bool { return term.IsTerminal(int(f.Fd())) }
	t := &Terminal{Out: out, Err: errs, In: in, Live: is(out), Asks: is(in) && is(errs), watch: is(errs)}
	switch colour {
	case "auto":
		t.colour = t.Live && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
	case "always":
		t.colour = true
	case "never":
	default:
		return nil, fmt.Errorf("color: %q is not auto, always or never", colour)
	}
	return t, nil
}

// Fake is a terminal for tests, and for output that nobody watches.
func Fake(in io.Reader, out, errs io.Writer) *Terminal { return &Terminal{In: in, Out: out, Err: errs} }

// Line writes a line on Out.
func (t *Terminal) Line(format string, args ...any) {
	t.clear()
	fmt.Fprintln(t.Out, fmt.Sprintf(format, args...))
}

// Note writes a line on Err.
func (t *Terminal) Note(format string, args ...any) {
	t.clear()
	fmt.Fprintln(t.Err, fmt.Sprintf(format, args...))
}

// Progress replaces the last line of a terminal; elsewhere it does nothing.
func (t *Terminal) Progress(format string, args ...any) {
	if t.watch {
		fmt.Fprint(t.Err, "\r\x1b[K"+fmt.Sprintf(format, args...))
		t.bar = true
	}
}

// Done takes the progress away.
func (t *Terminal) Done() { t.clear() }

func (t *Terminal) clear() {
	if t.bar {
		fmt.Fprint(t.Err, "\r\x1b[K")
		t.bar = false
	}
}

// Redraw begins a page anew: what was there goes away where it can.
func (t *Terminal) Redraw() {
	if t.Live {
		fmt.Fprint(t.Out, "\x1b[H\x1b[2J\x1b[3J")
	}
}

// Clean makes text fit for a line of a terminal: what is not to be seen becomes visible.
func Clean(text string) string {
	if !strings.ContainsFunc(text, hidden) {
		return text
	}
	var b strings.Builder
	for _, r := range text {
		switch {
		case !hidden(r):
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteString(`\t`)
		case r < 0x100:
			fmt.Fprintf(&b, `\x%02x`, r)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.String()
}

// hidden tells that a letter does something else than to be seen; what changes the direction of writing is among it.
func hidden(r rune) bool {
	return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == unicode.ReplacementChar
}
