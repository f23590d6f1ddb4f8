package failover

import (
	"os"
	"strconv"
	"syscall"
)

// wakeThreads has every thread of this process that sleeps in a system call begin that anew: a read from a socket that
// has become non-blocking again then returns at once. The signal is the one by which Go interrupts its own threads at
// any time (runtime/signal_unix.go says why it was chosen): it is taken for one of those, and all else is used to it.
func wakeThreads() {
	threads, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return // The next question wakes them.
	}
	process := syscall.Getpid()
	for _, t := range threads {
		if id, err := strconv.Atoi(t.Name()); err == nil {
			_ = syscall.Tgkill(process, id, syscall.SIGURG)
		}
	}
}
