//go:build unix

package health

import "syscall"

// descriptorLimit is how many files and sockets this process may have open at a time.
func descriptorLimit() int {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return 1024
	}
	return int(min(uint64(limit.Cur), 1<<20)) //nolint:unconvert // it is an int64 on some systems
}
