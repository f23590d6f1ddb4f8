package probe

import (
	"strings"
	"syscall"
)

// refusals are what Linux makes of ICMP errors, besides those that mean the same wherever they come from.
var refusals = []syscall.Errno{
	syscall.EACCES, syscall.EHOSTDOWN, syscall.ENONET, syscall.ENOPROTOOPT, syscall.EOPNOTSUPP, syscall.EPROTO,
}

// reportRefusals is enableErrors as a net.Dialer wants it.
func reportRefusals(network, _ string, conn syscall.RawConn) error {
	return conn.Control(func(fd uintptr) { enableErrors(int(fd), strings.HasSuffix(network, "4")) })
}

// enableErrors makes a datagram socket tell of every ICMP error that comes back. Without it Linux keeps "host
// unreachable" and "time exceeded" to itself, and also that its own queue was full: a probe would wait for an answer to
// a datagram that never left. A kernel that cannot do it is no reason to fail.
func enableErrors(fd int, v4 bool) {
	if v4 {
		_ = syscall.SetsockoptInt(fd, syscall.IPPROTO_IP, syscall.IP_RECVERR, 1)
	} else {
		_ = syscall.SetsockoptInt(fd, syscall.IPPROTO_IPV6, syscall.IPV6_RECVERR, 1)
	}
}
