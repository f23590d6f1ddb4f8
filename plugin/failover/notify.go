package failover

import (
	"context"
	"sync"
	"time"

	"github.com/seed-a19ac2b6/failover/plugin/failover/corefile"

	"github.com/coredns/coredns/plugin"
	"github.com/coredns/coredns/plugin/transfer"
)

const (
	// notifyPause is the least time between two NOTIFYs for a zone. What changes meanwhile is told by one.
	notifyPause = time.Second
	// A NOTIFY that a secondary did not accept is sent again, as RFC 1996, section 3.6, proposes.
	notifyRetry   = time.Minute
	notifyRetries = 5
	// notifyPlaces bounds how many zones of a server block are told at a time: each takes a socket, and where a
	// secondary is silent, seconds.
	notifyPlaces = 32
)

// notifier tells the secondaries of a server block about new serials (D09), by the transfer plugin, which alone knows
// who they are and for how long it waits for them. A goroutine a zone does, so that a silent secondary holds up nothing
// else. They end with the context, but for one that is sending: the transfer plugin has no way to stop that, and gives
// up after some seconds a secondary.
type notifier struct {
	send   func(zone string) error
	due    map[string]chan struct{} // by zone; full while there is something to tell
	places chan struct{}
	opened chan struct{}
	once   sync.Once
}

// notifyBy returns what sends the NOTIFYs of a server block, given the handler of its transfer plugin; nil without one.
func notifyBy(handler plugin.Handler) func(zone string) error {
	t, ok := handler.(*transfer.Transfer)
	if !ok {
		return nil
	}
	// A copy without what comes after it in the server block: that may lead to the generation, which must not be reachable
	// from a goroutine of the running part.
	alone := *t
	alone.Next, alone.Transferers = nil, nil
	return alone.Notify
}

func newNotifier(zones []*corefile.Zone, send func(zone string) error) *notifier {
	n := &notifier{
		send: send, due: make(map[string]chan struct{}, len(zones)), places: make(chan struct{}, notifyPlaces),
		opened: make(chan struct{}),
	}
	for _, z := range zones {
		n.due[z.Name] = make(chan struct{}, 1)
	}
	return n
}

// start begins to tell, once open is called.
func (n *notifier) start(ctx context.Context) {
	for zone, due := range n.due {
		go n.run(ctx, zone, due)
	}
}

// open is to be called when questions come to this server block. A secondary that is told asks for the serial at once,
// and one that finds nobody to ask, or the configuration of before a reload, may not ask again for hours.
func (n *notifier) open() { n.once.Do(func() { close(n.opened) }) }

// changed takes note of a new serial. It does not wait.
func (n *notifier) changed(zone string) {
	select {
	case n.due[zone] <- struct{}{}:
	default:
	}
}

func (n *notifier) run(ctx context.Context, zone string, due <-chan struct{}) {
	select {
	case <-n.opened:
	case <-ctx.Done():
		return
	}
	refused := false
	for attempt := 0; ; attempt++ {
		var retry <-chan time.Time
		if refused && attempt <= notifyRetries {
			retry = time.After(notifyRetry - notifyPause)
		}
		select {
		case <-ctx.Done():
			return
		case <-due:
			attempt = 0
		case <-retry:
		}
		ok, err := n.tell(ctx, zone)
		if !ok {
			return
		}
		switch {
		case err != nil && !refused:
			log.Warningf("Not all secondaries of %s can be told of its new serial: %v", zone, err)
		case err == nil && refused:
			log.Infof("The secondaries of %s can be told of its serial again", zone)
		}
		refused = err != nil
	}
}

// tell sends a NOTIFY when there is a place, and rests. It returns false when the context ended before.
func (n *notifier) tell(ctx context.Context, zone string) (ok bool, err error) {
	select {
	case <-ctx.Done():
		return false, nil
	case n.places <- struct{}{}:
	}
	err = n.send(zone)
	<-n.places
	select {
	case <-ctx.Done():
		return false, err
	case <-time.After(notifyPause):
		return true, err
	}
}
