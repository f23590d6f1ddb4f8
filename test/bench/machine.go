//go:build linux

package bench

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Cores gives the core for what is measured and the one for what serves it; -1, -1 if there is only one.
func Cores() (measured, serving int, err error) {
	var allowed unix.CPUSet
	if err := unix.SchedGetaffinity(0, &allowed); err != nil {
		return 0, 0, fmt.Errorf("asking for the cores: %w", err)
	}
	if allowed.Count() < 2 {
		return -1, -1, nil
	}
	first, last := -1, -1
	for i := range len(allowed) * 64 {
		if !allowed.IsSet(i) {
			continue
		}
		if first < 0 {
			first = i
		}
		last = i
	}
	return last, first, nil // interrupts tend to go to the first
}

// startOn starts a command with all its threads on a core. The kernel gives a child the cores of the thread that made
// it; to set them later would miss the threads that it has by then, and a Go program asks for its cores but once.
func startOn(core int, cmd *exec.Cmd) error {
	if core < 0 {
		return cmd.Start()
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var before, one unix.CPUSet
	if err := unix.SchedGetaffinity(0, &before); err != nil {
		return err
	}
	one.Set(core)
	if err := unix.SchedSetaffinity(0, &one); err != nil {
		return err
	}
	err := cmd.Start()
	return errors.Join(err, unix.SchedSetaffinity(0, &before))
}

// tick is the unit of times in /proc, the same on all Linux systems that Go runs on.
const tick = 10 * time.Millisecond

// CPUTime is the user and system time that a process has had.
func CPUTime(pid int) (time.Duration, error) {
	data, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return 0, err
	}
	// The second field is the name in parentheses and may hold anything; utime and stime are fields 14 and 15.
	fields := strings.Fields(string(data[bytes.LastIndexByte(data, ')')+1:]))
	if len(fields) < 13 {
		return 0, errors.New("/proc/PID/stat is too short")
	}
	user, err1 := strconv.ParseInt(fields[11], 10, 64)
	system, err2 := strconv.ParseInt(fields[12], 10, 64)
	return time.Duration(user+system) * tick, errors.Join(err1, err2)
}

// Resident is the resident memory of a process in bytes, without pages of files: which parts of the binary happen to be
// in memory says nothing about checks.
func Resident(pid int) (float64, error) {
	data, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(data)) {
		if value, ok := strings.CutPrefix(line, "RssAnon:"); ok {
			kib, err := strconv.ParseFloat(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(value), "kB")), 64)
			return kib * 1024, err
		}
	}
	return 0, errors.New("/proc/PID/status has no RssAnon")
}

// MaxTargets is how many addresses Target can give.
const MaxTargets = 8_000_000

// Target is the address of the i-th target, in 127.1.0.0 and up.
func Target(i int) string {
	return "127." + strconv.Itoa(1+i>>16) + "." + strconv.Itoa(i>>8&255) + "." + strconv.Itoa(i&255)
}

// FreePort gives a port that nobody listens on, for TCP nor UDP, below the ones that probes are made from.
func FreePort() (int, error) {
	for range 1000 {
		port := 12_000 + rand.IntN(20_000)
		address := "0.0.0.0:" + strconv.Itoa(port)
		l, err := net.Listen("tcp", address)
		if err != nil {
			continue
		}
		p, err := net.ListenPacket("udp", address)
		l.Close()
		if err != nil {
			continue
		}
		p.Close()
		return port, nil
	}
	return 0, errors.New("no port is free")
}

// WriteFile makes a file of what write gives.
func WriteFile(path string, write func(*bufio.Writer)) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	w := bufio.NewWriter(file)
	write(w)
	return errors.Join(w.Flush(), file.Close())
}
