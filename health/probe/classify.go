package probe

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"os"
	"syscall"
)

// probeError is an error of one attempt with its verdict. Its text is that of a Detail.
type probeError struct {
	outcome Outcome
	reason  Reason
	detail  string
}

func (e *probeError) Error() string { return e.detail }

func failure(reason Reason, detail string) *probeError {
	return &probeError{outcome: Fail, reason: reason, detail: detail}
}

func indeterminate(reason Reason, detail string) *probeError {
	return &probeError{outcome: Indeterminate, reason: reason, detail: detail}
}

func (e *probeError) result() Result {
	return Result{Outcome: e.outcome, Reason: e.reason, Detail: printable(e.detail)}
}

// errnos are the system errors that have a verdict of their own (statement H16). Whether "unreachable" is the target's
// trouble or ours depends on there being a route to anybody else, which endpoint.contact asks.
var errnos = []struct {
	errno   syscall.Errno
	outcome Outcome
	reason  Reason
}{
	{syscall.ECONNREFUSED, Fail, ReasonRefused},
	{syscall.ECONNRESET, Fail, ReasonReset},
	{syscall.ECONNABORTED, Fail, ReasonReset},
	{syscall.EPIPE, Fail, ReasonReset},
	{syscall.ETIMEDOUT, Fail, ReasonTimeout},
	{syscall.EMFILE, Indeterminate, ReasonFDLimit},
	{syscall.ENFILE, Indeterminate, ReasonFDLimit},
	{syscall.ENOBUFS, Indeterminate, ReasonFDLimit},
	{syscall.ENOMEM, Indeterminate, ReasonFDLimit},
	{syscall.EADDRNOTAVAIL, Indeterminate, ReasonPorts},
	{syscall.EADDRINUSE, Indeterminate, ReasonPorts},
	{syscall.EAGAIN, Indeterminate, ReasonPorts}, // Linux has no local port for a datagram socket; Go calls it a timeout
	{syscall.EACCES, Indeterminate, ReasonPermission},
	{syscall.EPERM, Indeterminate, ReasonPermission},
	{syscall.EAFNOSUPPORT, Indeterminate, ReasonNoRoute},
	{syscall.EINVAL, Indeterminate, ReasonInternal}, // a source address that cannot reach the target, such as loopback
	{syscall.ENETUNREACH, Fail, ReasonUnreachable},
	{syscall.EHOSTUNREACH, Fail, ReasonUnreachable},
	{syscall.ENETDOWN, Fail, ReasonUnreachable},
	{syscall.EHOSTDOWN, Fail, ReasonUnreachable}, // so BSD and macOS call a neighbour that does not answer
}

// classify gives the verdict on what went wrong in one phase of an attempt; otherwise is the reason of an error that is
// none of the known ones. Only the text of errors that are known to be harmless is shown: others may quote the peer.
func classify(ctx context.Context, phase string, err error, otherwise Reason) *probeError {
	if known, ok := errors.AsType[*probeError](err); ok {
		return known
	}
	if errors.Is(ctx.Err(), context.Canceled) {
		return indeterminate(ReasonCanceled, phase+": broken off")
	}
	// Whatever the system says comes first: that it is short of something is no less true when the time is over too.
	if errno, ok := errors.AsType[syscall.Errno](err); ok {
		return classifyErrno(phase, errno)
	}
	var timeout net.Error
	if ctx.Err() != nil || errors.Is(err, os.ErrDeadlineExceeded) || errors.As(err, &timeout) && timeout.Timeout() {
		return failure(ReasonTimeout, phase+": no answer in time")
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return failure(ReasonReset, phase+": the connection was closed too early")
	}
	return classifyTLS(phase, err, otherwise)
}

// classifyErrno is the part of classify that knows the system's errors.
func classifyErrno(phase string, errno syscall.Errno) *probeError {
	known := portable(errno)
	for _, e := range errnos {
		if e.errno == known {
			return &probeError{outcome: e.outcome, reason: e.reason, detail: phase + ": " + errno.Error()}
		}
	}
	// The system refuses in a way nobody has thought of: that says nothing about the target.
	return indeterminate(ReasonInternal, phase+": "+errno.Error())
}

// classifyTLS is the part of classify that knows certificates and alerts.
func classifyTLS(phase string, err error, otherwise Reason) *probeError {
	if _, ok := errors.AsType[x509.SystemRootsError](err); ok {
		return indeterminate(ReasonInternal, phase+": the system's certificates cannot be read")
	}
	if certificate, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return failure(ReasonTLS, phase+": "+certificate.Err.Error())
	}
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		return failure(ReasonTLS, phase+": the peer does not speak TLS")
	}
	if alert, ok := errors.AsType[tls.AlertError](err); ok {
		return failure(ReasonTLS, phase+": "+alert.Error())
	}
	if op := (*net.OpError)(nil); errors.As(err, &op) && op.Op == "remote error" {
		return failure(ReasonTLS, phase+": the peer refused: "+op.Err.Error())
	}
	switch otherwise {
	case ReasonTLS:
		return failure(otherwise, phase+": "+err.Error())
	case ReasonProtocol:
		return failure(otherwise, phase+": not an HTTP answer")
	default:
		return indeterminate(otherwise, phase+": failed")
	}
}
