package failover

import (
	"context"
	"net"
	"sync"
	"time"

	"github.com/coredns/caddy"
)

// waker keeps a reload from waiting for somebody's next question. CoreDNS gives the new servers copies of the sockets of
// the old ones, and to copy a socket makes it a blocking one for a moment (https://go.dev/issue/29277). A reader of the
// old server that comes back to its socket in that moment sleeps in the kernel, where neither a deadline nor Close wakes
// it: only a datagram or a connection does. Until one comes the reload does not end, and meanwhile CoreDNS takes no other
// signal, SIGTERM included. So something empty is sent to each socket again and again; servers drop it unseen.
type waker struct {
	stop context.CancelFunc
	done sync.WaitGroup
}

// wakeEvery is long enough for most reloads to end before anything is sent.
const wakeEvery = 500 * time.Millisecond

// newWaker wakes the readers of servers until it is ended.
func newWaker(servers []caddy.ServerListener) *waker {
	var sockets []net.Addr
	for _, s := range servers {
		for _, a := range [...]net.Addr{s.LocalAddr(), s.Addr()} {
			if a != nil {
				sockets = append(sockets, a)
			}
		}
	}
	ctx, stop := context.WithCancel(context.Background())
	w := &waker{stop: stop}
	w.done.Go(func() {
		tick := time.NewTicker(wakeEvery)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			for _, a := range sockets {
				wake(ctx, a)
			}
		}
	})
	return w
}

// wake sends an empty datagram to a socket, or opens a connection to it and closes it. One that failed is made good by the
// next.
func wake(ctx context.Context, socket net.Addr) {
	ctx, cancel := context.WithTimeout(ctx, wakeEvery)
	defer cancel()
	conn, err := new(net.Dialer).DialContext(ctx, socket.Network(), socket.String())
	if err != nil {
		return
	}
	defer func() { _ = conn.Close() }()
	if _, ok := conn.(*net.UDPConn); ok {
		_, _ = conn.Write(nil)
	}
}

// end is to be called when the old servers have stopped, or go on. A waker that is nil has ended.
func (w *waker) end() {
	if w != nil {
		w.stop()
		w.done.Wait()
	}
}
