//go:build linux

package faults

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/seed-a19ac2b6/failover/test/harness"
)

// tinyDisk mounts a file system of 64 KiB.
func tinyDisk(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=64k"); err != nil {
		t.Fatalf("Mounting a file system: %v", err)
	}
	t.Cleanup(func() { _ = unix.Unmount(dir, unix.MNT_DETACH) })
	return dir
}

// remount makes a mounted file system read-only, or writable again.
func remount(t *testing.T, dir string, flags uintptr) {
	t.Helper()
	if err := unix.Mount("", dir, "", unix.MS_REMOUNT|flags, ""); err != nil {
		t.Fatalf("Mounting it again: %v", err)
	}
}

// TestF30_NoRoomForTheState fills the disk of the state file, makes it read-only and takes its folder away, while a
// target fails and comes back. All of it is told once, the answers follow the target, and when there is room again the
// state is written.
func TestF30_NoRoomForTheState(t *testing.T) {
	t.Parallel()
	dir := tinyDisk(t)
	path := filepath.Join(dir, "sub", "state.json")
	folder := func() {
		if err := os.Mkdir(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	folder()
	filler := filepath.Join(dir, "filler")
	web := harness.Serve(t)
	s := start(t, fmt.Sprintf(`state %s
		check web %s interval 1s timeout 900ms fast 200ms
		primary   www 192.0.2.1 check web
		secondary www 198.51.100.1`, path, web.URL()))
	awaitHealthy(t, s, 1)
	// Two lines each, as they are logged; the last is of what the file system is well for.
	const broken, mended = "cannot be written", "is written again"
	wrote := func() float64 { return s.Metric(t, "coredns_failover_state_file_saved_timestamp_seconds") }
	harness.Eventually(t, 10*time.Second, "the state to be written", func() bool { return wrote() > 0 })

	for n, trouble := range []struct {
		name       string
		begin, end func()
		said       string
	}{
		{"full", func() {
			if err := os.WriteFile(filler, make([]byte, 1<<20), 0o600); err == nil {
				t.Fatal("There is room for more than the disk has")
			}
		}, func() {
			if err := os.Remove(filler); err != nil {
				t.Fatal(err)
			}
		}, "no space left on device"},
		{
			"read-only", func() { remount(t, dir, unix.MS_RDONLY) }, func() { remount(t, dir, 0) },
			"read-only file system",
		},
		{"gone", func() {
			if err := os.RemoveAll(filepath.Dir(path)); err != nil {
				t.Fatal(err)
			}
		}, folder, "no such file or directory"},
	} {
		before := s.Metric(t, "coredns_failover_state_file_errors_total", "operation", "write")
		trouble.begin()
		web.Set(harness.Fail)
		s.AwaitA(t, 10*time.Second, "www", "198.51.100.1")
		harness.Eventually(t, 20*time.Second, "the log to tell that it is "+trouble.name, func() bool {
			return s.Log.Count(broken) == n+1
		})
		web.Set(harness.OK)
		s.AwaitA(t, 10*time.Second, "www", "192.0.2.1")
		if got := s.Metric(t, "coredns_failover_state_file_errors_total", "operation", "write"); got <= max(before, 0) {
			t.Errorf("%s: %v failures are counted, before it were %v", trouble.name, got, before)
		}
		stood := wrote()
		trouble.end()
		harness.Eventually(t, 30*time.Second, "the state to be written again", func() bool {
			return s.Log.Count(mended) == n+1 && wrote() > stood
		})
		lines := s.Log.Lines(broken)
		if len(lines) != n+1 || !strings.Contains(lines[n], trouble.said) {
			t.Errorf("%s: expected one line with %q, got %q", trouble.name, trouble.said, lines)
		}
	}
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(entries) != 1 {
		t.Errorf("Expected nothing beside the state file, got %v (%v)", entries, err)
	}
	s.Restart(t)
	if got := s.Log.Lines("tells the state of 1 checks"); len(got) != 1 {
		t.Errorf("Expected the state to be there after a restart:\n%s", s.Log)
	}
}

// TestF30_StateBesideReadOnlyConfiguration has the Corefile on a file system that cannot be written to.
func TestF30_StateBesideReadOnlyConfiguration(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "state.json")
	web := harness.Serve(t)
	s := start(t, fmt.Sprintf("state %s\ncheck web %s interval 1s fast 200ms\nprimary www 192.0.2.1 check web\n"+
		"secondary www 198.51.100.1", path, web.URL()))
	awaitHealthy(t, s, 1)
	if err := unix.Mount(s.Dir, s.Dir, "", unix.MS_BIND, ""); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Unmount(s.Dir, unix.MNT_DETACH) })
	if err := unix.Mount("", s.Dir, "", unix.MS_REMOUNT|unix.MS_BIND|unix.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
	web.Set(harness.Fail)
	s.AwaitA(t, 10*time.Second, "www", "198.51.100.1")
	s.Restart(t)
	if got := s.A(t, "www"); got != "198.51.100.1" {
		t.Errorf("Expected the state to survive, got %q", got)
	}
}
