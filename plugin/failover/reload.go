package failover

import (
	"errors"
	"sync"

	"github.com/coredns/caddy"
	"github.com/coredns/coredns/plugin"
)

// reload is what a generation knows of its replacement by a reload. CoreDNS begins a second one, by SIGUSR1 or by the
// reload plugin, while the first is under way or just over: as long as a question takes to be answered, some seconds for
// one that goes elsewhere. Either two configurations would answer by turns from then on, or the second would fail and
// take the checks of the one that answers with it. So a generation is replaced once.
type reload struct {
	mu      sync.Mutex
	waker   *waker // nil until there is one, and after one that failed
	refused int    // are to be called failed yet
}

// begin is to be called with the servers that are to be replaced.
func (r *reload) begin(servers func() []caddy.ServerListener) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.waker != nil {
		r.refused++
		return plugin.Error(name, errors.New("another reload is under way"))
	}
	r.waker = newWaker(servers())
	return nil
}

// replaced tells, when the generation ends, that this is by a reload.
func (r *reload) replaced() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.waker.end()
	return r.waker != nil
}

// failed is to be called as often as a reload fails. It returns false for one that was refused: there is nothing to undo.
func (r *reload) failed() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.refused > 0 {
		r.refused--
		return false
	}
	r.waker.end()
	r.waker = nil
	return true
}
