//go:build !windows

package probe

import "syscall"

// portable is errno.
func portable(errno syscall.Errno) syscall.Errno { return errno }
