package probe

import (
	"net"
	"net/netip"
	"os"
	"syscall"
	"time"
)

// socket is a TCP connection that dialTCP has made. Package net takes descriptors of others only to make copies of them,
// so it is read and written as a file is.
type socket struct {
	file   *os.File
	target netip.AddrPort
}

func (s *socket) Read(p []byte) (int, error)         { return s.file.Read(p) }
func (s *socket) Write(p []byte) (int, error)        { return s.file.Write(p) }
func (s *socket) Close() error                       { return s.file.Close() }
func (s *socket) SetDeadline(t time.Time) error      { return s.file.SetDeadline(t) }
func (s *socket) SetReadDeadline(t time.Time) error  { return s.file.SetReadDeadline(t) }
func (s *socket) SetWriteDeadline(t time.Time) error { return s.file.SetWriteDeadline(t) }

// LocalAddr gives no address, as nobody asks for it.
func (s *socket) LocalAddr() net.Addr { return &net.TCPAddr{} }

func (s *socket) RemoteAddr() net.Addr { return net.TCPAddrFromAddrPort(s.target) }

// SetLinger is that of net.TCPConn.
func (s *socket) SetLinger(seconds int) error {
	raw, err := s.file.SyscallConn()
	if err != nil {
		return err
	}
	linger := syscall.Linger{Onoff: 1, Linger: int32(seconds)}
	if failed := raw.Control(func(fd uintptr) {
		err = syscall.SetsockoptLinger(int(fd), syscall.SOL_SOCKET, syscall.SO_LINGER, &linger)
	}); failed != nil {
		return failed
	}
	return err
}
