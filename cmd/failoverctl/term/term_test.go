package term

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"time"
)

func TestClean(t *testing.T) {
	for text, want := range map[string]string{
		"status 500":               "status 500",
		"caf\u00e9 \u65e5\u672c":   "caf\u00e9 \u65e5\u672c",
		"a\nb\tc":                  `a\nb\tc`,
		"\x1b]0;owned\x07\x1b[2J":  `\x1b]0;owned\x07\x1b[2J`,
		"\u009b2J":                 `\x9b2J`,
		"abc\u202egnp.exe":         `abc\u202egnp.exe`,
		string([]byte{0xff, 'a'}):  `\ufffda`,
		"":                         "",
		"\r\x7f" + string(rune(0)): `\x0d\x7f\x00`,
	} {
		if got := Clean(text); got != want {
			t.Errorf("Clean(%q): Expected %q, got %q", text, want, got)
		}
	}
}

func TestTable(t *testing.T) {
	var out bytes.Buffer
	tm := Fake(nil, &out, io.Discard)
	table := NewTable("NAME", "STATE", "WHY")
	table.Row("w\u00e9b", Text{"unhealthy", Red}, "status\x1b 500")
	table.Row("a.longer.name", Text{"", Green}, "")
	for colour, want := range map[bool]string{
		false: "NAME           STATE      WHY\n" +
			"w\u00e9b            unhealthy  status\\x1b 500\n" +
			"a.longer.name  -          -\n",
		true: "\x1b[2mNAME\x1b[0m           \x1b[2mSTATE\x1b[0m      \x1b[2mWHY\x1b[0m\n" +
			"w\u00e9b            \x1b[31munhealthy\x1b[0m  status\\x1b 500\n" +
			"a.longer.name  \x1b[32m-\x1b[0m          -\n",
	} {
		out.Reset()
		tm.colour = colour
		tm.Table(table)
		if out.String() != want {
			t.Errorf("Expected\n%q\ngot\n%q", want, out.String())
		}
	}
}

// TestColour wants colours on a terminal only, unless they are asked for. What tests write to is none.
func TestColour(t *testing.T) {
	file, err := os.Create(t.TempDir() + "/out")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for colour, want := range map[string]bool{"auto": false, "never": false, "always": true} {
		tm, err := New(file, file, file, colour)
		if err != nil || tm.colour != want || tm.Live || tm.Asks {
			t.Errorf("%s: Expected colour %v and nobody to watch, got %+v and error %v", colour, want, tm, err)
		}
	}
	if _, err := New(file, file, file, "blue"); err == nil {
		t.Error("Expected an error for an unknown colour, got none")
	}
}

// TestProgress wants a line that goes away before the next one is written, and none where nobody watches.
func TestProgress(t *testing.T) {
	for watch, want := range map[bool]string{
		true: "\r\x1b[Kone\r\x1b[Ktwo\r\x1b[Kdone\n", false: "done\n",
	} {
		var errs bytes.Buffer
		tm := Fake(nil, io.Discard, &errs)
		tm.watch = watch
		tm.Progress("one")
		tm.Progress("two")
		tm.Note("done")
		tm.Done()
		if errs.String() != want {
			t.Errorf("Expected %q, got %q", want, errs.String())
		}
	}
}

func TestConfirm(t *testing.T) {
	for typed, want := range map[string]bool{
		"y\n": true, " YES \n": true, "n\n": false, "\n": false, "": false, "yep\n": false, "y": true,
	} {
		var errs bytes.Buffer
		tm := Fake(strings.NewReader(typed), io.Discard, &errs)
		if _, err := tm.Confirm(t.Context(), "Start?"); !errors.Is(err, ErrNobody) {
			t.Errorf("Expected nobody to be asked, got %v", err)
		}
		tm.Asks = true
		got, err := tm.Confirm(t.Context(), "Start?")
		if err != nil || got != want || errs.String() != "Start? [y/N] " {
			t.Errorf("%q: Expected %v, got %v and error %v after %q", typed, want, got, err, errs.String())
		}
	}
}

func TestConfirmEndsWithContext(t *testing.T) {
	in, typed := io.Pipe()
	defer typed.Close()
	tm := Fake(in, io.Discard, io.Discard)
	tm.Asks = true
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := tm.Confirm(ctx, "Start?"); !errors.Is(err, context.Canceled) {
		t.Errorf("Expected the error of the context, got %v", err)
	}
}

func TestShort(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-time.Second: "0s", 0: "0s", 40 * time.Microsecond: "<1ms", 1234 * time.Microsecond: "1ms", 4240 * time.Millisecond: "4.2s", time.Minute: "1m",
		90 * time.Second: "1m30s", time.Hour: "1h", time.Hour + 5*time.Minute + 9*time.Second: "1h5m",
		24 * time.Hour: "1d", 51*time.Hour + time.Minute: "2d3h", 10 * time.Minute: "10m",
		20 * time.Hour: "20h",
	} {
		if got := Short(d); got != want {
			t.Errorf("%v: Expected %s, got %s", d, want, got)
		}
	}
}

func TestAt(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.Local)
	for at, want := range map[time.Time]string{
		now.Add(time.Hour):      "13:00:00",
		now.Add(24 * time.Hour): "2026-03-02 12:00:00",
	} {
		if got := At(at, now); got != want {
			t.Errorf("Expected %s, got %s", want, got)
		}
	}
}
