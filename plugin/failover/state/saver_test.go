package state

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// disk stands for a file system.
type disk struct {
	mu     sync.Mutex
	begin  time.Time
	writes []time.Duration // when each began
	finals int
	took   time.Duration
	err    error
	told   []error
}

func (d *disk) saver(refresh time.Duration) *Saver {
	d.begin = time.Now()
	return NewSaver("/state.json", Options{
		Write: func(_ io.Writer, final bool) error {
			d.mu.Lock()
			defer d.mu.Unlock()
			if final {
				d.finals++
			}
			return nil
		},
		Refresh: func() time.Duration { return refresh },
		Saved: func(_ time.Time, err error) {
			d.mu.Lock()
			defer d.mu.Unlock()
			d.told = append(d.told, err)
		},
		Replace: func(_ string, write func(io.Writer) error) error {
			d.mu.Lock()
			d.writes = append(d.writes, time.Since(d.begin))
			took, err := d.took, d.err
			d.mu.Unlock()
			time.Sleep(took)
			if err != nil {
				return err
			}
			return write(io.Discard)
		},
	})
}

func (d *disk) want(t *testing.T, what string, seconds ...float64) {
	t.Helper()
	synctest.Wait()
	d.mu.Lock()
	defer d.mu.Unlock()
	want := make([]time.Duration, 0, len(seconds))
	for _, s := range seconds {
		want = append(want, time.Duration(s*float64(time.Second)))
	}
	if !slices.Equal(d.writes, want) {
		t.Errorf("%s: written at %v, want %v", what, d.writes, want)
	}
	d.writes = nil
}

func TestO02_WrittenOnceASecondAtTheMost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var d disk
		s := d.saver(40 * time.Second)
		d.want(t, "at the start", 0)
		for range 50 { // of a tenth of a second
			s.Changed(false)
			time.Sleep(100 * time.Millisecond)
		}
		d.want(t, "all the time", 1, 2, 3, 4, 5)
		time.Sleep(5 * time.Second) // to 10
		d.want(t, "nothing is left")
		s.Changed(false)
		d.want(t, "after a pause", 10)
		time.Sleep(100 * time.Second) // to 110
		d.want(t, "nothing changes", 50, 90)
		s.Changed(true)
		s.Changed(true)
		d.want(t, "by hand", 110)
		s.Changed(true)
		time.Sleep(time.Second)
		d.want(t, "by hand, again", 111)
		if !s.Close() || d.finals != 1 {
			t.Errorf("%d last writes, want one", d.finals)
		}
		d.want(t, "at the end", 111)
	})
}

func TestO02_WritingTakesLittleOfTheTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := disk{took: 500 * time.Millisecond}
		s := d.saver(time.Second)
		time.Sleep(time.Second)
		s.Changed(false)
		time.Sleep(time.Second)
		d.want(t, "a slow disk", 0)
		s.Changed(true) // by hand
		time.Sleep(30 * time.Millisecond)
		d.want(t, "by hand", 2)
		time.Sleep(20 * time.Second)
		d.want(t, "and the rest", 12, 22)
		s.Close()
	})
}

func TestO02_FailuresAreTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := disk{err: errors.New("no space left")}
		s := d.saver(time.Minute)
		time.Sleep(11 * time.Second)
		s.Changed(false)
		d.want(t, "no room", 0, 5, 10)
		d.mu.Lock()
		d.err = nil
		d.mu.Unlock()
		time.Sleep(5 * time.Second) // to 16
		d.want(t, "room again", 15)
		s.Close()
		if n := len(d.told); n != 5 || d.told[2] == nil || d.told[3] != nil {
			t.Errorf("Told %v", d.told)
		}
	})
}

// A file system that hangs must not keep the process from ending.
func TestCloseDoesNotWaitForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := disk{took: time.Hour}
		s := d.saver(time.Minute)
		time.Sleep(time.Second)
		begin := time.Now()
		if s.Close() || time.Since(begin) != patience {
			t.Errorf("Closed after %s", time.Since(begin))
		}
		time.Sleep(2 * time.Hour) // lets the goroutine end
	})
}

func TestFiles(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "state.json")
	if s, err := Load(path); s != nil || err != nil {
		t.Errorf("No file: got %v, %v", s, err)
	}
	hello := func(w io.Writer) error { _, err := io.WriteString(w, "hello"); return err }
	if err := Replace(path, hello); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode() != 0o600 {
		t.Errorf("Got %v, %v", info, err)
	}
	broken := errors.New("broken")
	if err := Replace(path, func(w io.Writer) error { _, _ = w.Write(make([]byte, 1<<20)); return broken }); !errors.Is(err, broken) {
		t.Error(err)
	}
	if text, _ := os.ReadFile(path); string(text) != "hello" {
		t.Errorf("A write that failed left %q", text)
	}
	var damaged *DamagedError
	if _, err := Load(path); !errors.As(err, &damaged) {
		t.Errorf("Got %v", err)
	}
	if _, err := Load(dir); err == nil || errors.As(err, &damaged) {
		t.Errorf("A folder: got %v", err)
	}
	for range 3 { // there is one at the most
		if aside, err := SetAside(path); err != nil || aside != path+".damaged" {
			t.Errorf("Got %s, %v", aside, err)
		}
		if err := Replace(path, hello); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{".state.json12", ".state.json", ".state.jsonx1", "state.json12", ".other.json12"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	Sweep(path)
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	names := make([]string, 0, len(entries))
	for _, e := range entries {
		names = append(names, e.Name())
	}
	want := []string{".other.json12", ".state.json", ".state.jsonx1", "state.json", "state.json.damaged", "state.json12"}
	if !slices.Equal(names, want) {
		t.Errorf("Left %q, want %q", names, want)
	}
	gone := filepath.Join(dir, "gone", "state.json")
	first, second := Condition(Replace(gone, hello)), Condition(Replace(gone, hello))
	if first != second || first != "no such file or directory" || Condition(nil) != "" || Condition(broken) != "broken" {
		t.Errorf("Got %q and %q", first, second)
	}
}
