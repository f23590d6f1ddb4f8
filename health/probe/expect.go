package probe

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"regexp"
	"sync"
	"time"
	"unique"
)

// fieldsTalk are of the kinds that send bytes and look for others.
var fieldsTalk = group{[]string{"Send", "Expect"}, Spec.checkExpect}

func (s Spec) checkExpect() error {
	if _, err := regexp.Compile(s.Expect); err != nil {
		return fmt.Errorf("expect: %w", err)
	}
	return nil
}

// dialogue is what is said to an endpoint and what must be heard, the same for many. It is immutable.
type dialogue struct {
	send   string
	expect *matcher // nil: nothing is awaited
}

var dialogues shared[unique.Handle[Spec], dialogue]

func dialogueFor(s Spec) (*dialogue, error) {
	return dialogues.get(s.ID().rest, func() (*dialogue, error) {
		expect, err := newExpect(s)
		return &dialogue{s.Send, expect}, err
	})
}

// newExpect gives what looks for Spec.Expect; nil if nothing is expected.
func newExpect(s Spec) (*matcher, error) {
	if s.Expect == "" {
		return nil, nil
	}
	m, err := newMatcher(s.Expect)
	if err != nil {
		return nil, fmt.Errorf("expect: %w", err)
	}
	return m, nil
}

// windows are what an answer is looked for in. They are reused, since they would be most of an attempt's garbage.
var windows = sync.Pool{New: func() any { return new([maxBody]byte) }}

const (
	// freeLooks is how many reads are looked at at once, however little they bring.
	freeLooks = 64
	// lookStep is how many bytes must come after those for another look. A peer that sends byte by byte would
	// otherwise have the expression run over all that there is five thousand times.
	lookStep = 64
)

// isTimeToLook tells whether to look after some looks, with that many bytes more than at the last.
func isTimeToLook(looks, more int, end bool) bool {
	return more > 0 && (end || looks < freeLooks || more >= lookStep)
}

// talk sends, and reads until what has come matches. It reads no more than maxBody bytes. Without expect it is done when
// everything is sent. An expression that is bound to the end of the text ($, \z) takes for the end what has come so far.
func (d *dialogue) talk(ctx context.Context, conn net.Conn, phases *Phases) error {
	if d.send != "" {
		if _, err := io.WriteString(conn, d.send); err != nil {
			return err
		}
	}
	if d.expect == nil {
		return nil
	}
	sent := time.Now()
	window := windows.Get().(*[maxBody]byte)
	defer windows.Put(window)
	length, looked, looks := 0, 0, 0
	for {
		n, err := conn.Read(window[length:])
		if n > 0 && length == 0 {
			phases.took(&phases.FirstByte, sent)
		}
		length += n
		end := err != nil || length == maxBody
		if isTimeToLook(looks, length-looked, end) {
			looked, looks = length, looks+1
			if d.expect.match(window[:length]) {
				return nil
			}
		}
		if end {
			return unmatched(ctx, conn, length, err)
		}
	}
}

// unmatched is the verdict when err, or for nil the limit, ends an answer that does not match.
func unmatched(ctx context.Context, conn net.Conn, length int, err error) error {
	if length == 0 {
		return err
	}
	text := fmt.Sprintf("expect %s: no match in the %d bytes that came", conn.RemoteAddr(), length)
	switch {
	case err == nil, errors.Is(err, io.EOF):
		return failure(ReasonBody, text)
	case errors.Is(err, os.ErrDeadlineExceeded) && !errors.Is(ctx.Err(), context.Canceled):
		return failure(ReasonBody, text+" in time")
	default:
		return err
	}
}
