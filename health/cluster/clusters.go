package cluster

import (
	"context"
	"sync"

	"github.com/seed-a19ac2b6/failover/health/probe"
)

// Clusters has what a process follows of Kubernetes clusters. The zero value is not for use.
type Clusters struct {
	told  func(Notice)
	feeds sync.WaitGroup // their goroutines

	mu      sync.Mutex
	byScope map[scope]*feed
	servers map[Access]*server
}

// scope is what one feed follows.
type scope struct {
	access    Access
	namespace string
}

// New makes Clusters. It starts nothing. Told is called when an API server goes away and when it is back, for one
// cluster in order; it may be nil.
func New(told func(Notice)) *Clusters {
	if told == nil {
		told = func(Notice) {}
	}
	return &Clusters{told: told, byScope: make(map[scope]*feed), servers: make(map[Access]*server)}
}

// NewProber makes the prober of a check of the kind probe.Kubernetes. It does not look at files: Access.Verify does.
func (c *Clusters) NewProber(s probe.Spec) (probe.Prober, error) {
	if err := s.Validate(); err != nil {
		return nil, err
	}
	return &prober{
		clusters: c, service: s.Service, port: s.ServicePort,
		scope: scope{Access{Kubeconfig: s.Kubeconfig, Context: s.Context}, s.Namespace},
	}, nil
}

// prober reads what a feed knows of a Service.
type prober struct {
	clusters      *Clusters
	scope         scope
	service, port string
}

var _ probe.Watcher = (*prober)(nil)

// Probe implements probe.Prober.
func (p *prober) Probe(context.Context) probe.Result {
	p.clusters.mu.Lock()
	f := p.clusters.byScope[p.scope]
	p.clusters.mu.Unlock()
	if f == nil {
		return stale("the API server has not been asked yet")
	}
	return f.judge(p.service, p.port)
}

// Watch has changed called when what Probe says of the Service is another state than the last time, until stop is called.
func (p *prober) Watch(changed func()) (stop func(), err error) {
	c := p.clusters
	u := &user{service: p.service, port: p.port, changed: changed}
	c.mu.Lock()
	f := c.byScope[p.scope]
	if f == nil {
		f = c.begin(p.scope)
	}
	f.join(u)
	c.mu.Unlock()
	u.tell(f, false) // it may have been probed before there was the feed
	return sync.OnceFunc(func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if f.leave(u) {
			delete(c.byScope, p.scope)
			f.cancel()
		}
	}), nil
}

// begin starts the feed of a scope.
func (c *Clusters) begin(at scope) *feed {
	s := c.servers[at.access]
	if s == nil {
		s = &server{access: at.access, told: c.told}
		c.servers[at.access] = s
	}
	s.join()
	f := newFeed(s, at.namespace)
	c.byScope[at] = f
	c.feeds.Go(func() {
		f.run()
		c.mu.Lock()
		unused, rest := s.leave()
		if unused {
			delete(c.servers, at.access)
		}
		c.mu.Unlock()
		rest()
	})
	return f
}

// Wait returns when no feed runs any more, which comes to pass soon after the last stop. It is meant for tests.
func (c *Clusters) Wait() { c.feeds.Wait() }

func stale(detail string) probe.Result {
	return probe.Result{Outcome: probe.Indeterminate, Reason: probe.ReasonStale, Detail: probe.Printable(detail)}
}
