package probe

import "golang.org/x/sys/unix"

// endedUnreaped waits for the end of a child and leaves it as a zombie, which keeps its number. It tells whether it
// could.
func endedUnreaped(child int) bool {
	for {
		err := unix.Waitid(unix.P_PID, child, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if err != unix.EINTR {
			return err == nil
		}
	}
}
