package probe

import (
	"context"
	"net"
	"net/netip"
	"time"
)

// connection is a TCP connection.
type connection interface {
	net.Conn
	// SetLinger is that of net.TCPConn.
	SetLinger(seconds int) error
}

// connect opens a connection to the first of the host's addresses that takes one. What it took is added to phases.
func (e *endpoint) connect(ctx context.Context, phases *Phases) (connection, error) {
	var conn connection
	err := e.each(ctx, phases, "connect", func(ctx context.Context, target netip.AddrPort) (err error) {
		began := time.Now()
		conn, err = e.network().dial(ctx, e.source(), target)
		phases.took(&phases.Connect, began)
		return err
	})
	if err != nil {
		return nil, err
	}
	return conn, nil
}

// each tries the host's addresses in order, each for its share of the time that is left, so that one black hole does
// not keep the next from being tried. It ends with the first that contact gives no error for. If all fail the first
// failure counts, unless there was an address that could not be tried for want of descriptors or ports: it may be the
// one that works. Other trouble of our own, such as a family without a route, counts only if there is nothing else.
//
// The contact need not classify its errors: phase and address come before them. The error of each is a *probeError.
func (e *endpoint) each(
	ctx context.Context, phases *Phases, phase string, contact func(context.Context, netip.AddrPort) error,
) error {
	if addr := e.addr(); addr.IsValid() {
		if err := e.contact(ctx, phase, addr, 1, contact); err != nil {
			return err
		}
		return nil
	}
	began := time.Now()
	addrs, err := e.addresses(ctx)
	phases.took(&phases.Resolve, began)
	if err != nil {
		return err
	}
	var verdict *probeError
	heaviest := -1
	for i, addr := range addrs {
		err := e.contact(ctx, phase, addr, len(addrs)-i, contact)
		if err == nil {
			return nil
		}
		if weight := e.weight(err, addr); weight > heaviest {
			verdict, heaviest = err, weight
		}
		if ctx.Err() != nil {
			break
		}
	}
	return verdict
}

// weight is how much the error of one address counts beside those of others.
func (e *endpoint) weight(err *probeError, addr netip.Addr) int {
	switch {
	case err.outcome == Fail:
		return 1
	case err.reason == ReasonFDLimit, err.reason == ReasonPorts && e.network().routes.any(addr):
		return 2 // without a route it is a system that has turned IPv6 off, and says so in this way
	default:
		return 0
	}
}

// contact tries one address for 1/shares of the time that is left.
func (e *endpoint) contact(
	ctx context.Context, phase string, addr netip.Addr, shares int, contact func(context.Context, netip.AddrPort) error,
) *probeError {
	if deadline, ok := ctx.Deadline(); ok && shares > 1 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Until(deadline)/time.Duration(shares))
		defer cancel()
	}
	target := netip.AddrPortFrom(addr, e.port)
	err := contact(ctx, target)
	if err == nil {
		e.network().routes.saw(addr)
		return nil
	}
	verdict := classify(ctx, phase+" "+target.String(), err, ReasonInternal)
	switch verdict.reason {
	case ReasonUnreachable:
		if !e.network().routes.any(addr) {
			return indeterminate(ReasonNoRoute, verdict.detail)
		}
	case ReasonRefused, ReasonReset, ReasonBody:
		e.network().routes.saw(addr)
	}
	return verdict
}
