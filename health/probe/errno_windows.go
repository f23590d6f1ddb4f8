package probe

import (
	"syscall"

	winsys "golang.org/x/sys/windows"
)

// winsock gives the errors of sockets the names that they have on other systems. Package syscall knows those names too,
// but its numbers for them are made up: no call ever returns one.
var winsock = map[syscall.Errno]syscall.Errno{
	winsys.WSAEACCES:         syscall.EACCES,
	winsys.WSAEADDRINUSE:     syscall.EADDRINUSE,
	winsys.WSAEADDRNOTAVAIL:  syscall.EADDRNOTAVAIL,
	winsys.WSAEAFNOSUPPORT:   syscall.EAFNOSUPPORT,
	winsys.WSAECONNABORTED:   syscall.ECONNABORTED,
	winsys.WSAECONNREFUSED:   syscall.ECONNREFUSED,
	winsys.WSAECONNRESET:     syscall.ECONNRESET,
	winsys.WSAEHOSTDOWN:      syscall.EHOSTDOWN,
	winsys.WSAEHOSTUNREACH:   syscall.EHOSTUNREACH,
	winsys.WSAEINVAL:         syscall.EINVAL,
	winsys.WSAEMFILE:         syscall.EMFILE,
	winsys.WSAENETDOWN:       syscall.ENETDOWN,
	winsys.WSAENETUNREACH:    syscall.ENETUNREACH,
	winsys.WSAENOBUFS:        syscall.ENOBUFS,
	winsys.WSAETIMEDOUT:      syscall.ETIMEDOUT,
	winsys.ERROR_SEM_TIMEOUT: syscall.ETIMEDOUT,
}

// portable is errno as other systems call it.
func portable(errno syscall.Errno) syscall.Errno {
	if known, ok := winsock[errno]; ok {
		return known
	}
	return errno
}
