package failover

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/coredns/caddy"
)

// waker keeps a reload from waiting for somebody's next question. CoreDNS gives the new servers copies of the sockets of
// the old ones, and to copy a socket makes it a blocking one for a moment (https://go.dev/issue/29277). A reader of the
// old server that comes back to its socket in that moment sleeps in the kernel, where neither a deadline nor Close wakes
// it: of what comes over the network, only a datagram or a connection does. Until then the reload does not end, and
// meanwhile CoreDNS takes no other signal, SIGTERM included. So readers are woken again and again until it has ended.
//
// Those of QUIC are left alone, and all others with them. They read many datagrams by one recvmmsg, and one that is
// woken when it has some leaves an error with the socket that ends whatever reads from it next (BUGS in recvmmsg(2)).
type waker struct {
	wake func()
	stop context.CancelFunc
	done sync.WaitGroup
}

// wakeEvery is long enough for most reloads to end before anybody is woken.
const wakeEvery = 100 * time.Millisecond

// newWaker wakes the readers of servers until it is ended.
func newWaker(servers []caddy.ServerListener) *waker {
	ctx, stop := context.WithCancel(context.Background())
	w := &waker{wake: wakeThreads, stop: stop}
	if slices.ContainsFunc(servers, speaksQUIC) {
		w.wake = func() {}
	}
	w.done.Go(func() {
		tick := time.NewTicker(wakeEvery)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				w.wake()
			}
		}
	})
	return w
}

// speaksQUIC tells that a server is one for quic:// or https3://, the only ones that take datagrams alone.
func speaksQUIC(s caddy.ServerListener) bool { return s.LocalAddr() != nil && s.Addr() == nil }

// end is to be called when the old servers have stopped, or go on. Those that go on are woken once more, or they could
// sleep until SIGTERM comes. A waker that is nil has ended.
func (w *waker) end() {
	if w != nil {
		w.stop()
		w.done.Wait()
		w.wake()
	}
}
