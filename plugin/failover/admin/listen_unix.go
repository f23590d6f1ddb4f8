//go:build unix

package admin

import "golang.org/x/sys/unix"

// chmodSocket has the file of a socket that is bound later be for its user alone, where the system heeds it, as Linux does.
func chmodSocket(fd uintptr) error {
	_ = unix.Fchmod(int(fd), 0o600) // where it cannot be, the file gets its mode when it is there
	return nil
}
