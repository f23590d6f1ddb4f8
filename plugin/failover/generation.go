package failover

import (
	"runtime"
	"slices"
	"sync"
	"time"
	"weak"

	"github.com/seed-a19ac2b6/failover/plugin/failover/admin"
	"github.com/seed-a19ac2b6/failover/plugin/failover/corefile"
	"github.com/seed-a19ac2b6/failover/plugin/failover/webhook"
	"github.com/seed-a19ac2b6/failover/plugin/failover/zone"

	"github.com/coredns/caddy"
	"github.com/coredns/coredns/plugin"
)

// generation is all that one load of the Corefile made, over all its server blocks. A reload makes a new one while the
// old one goes on answering:
//
//	event                                  what CoreDNS calls, in order
//	start                                  OnStartup
//	reload                                 old OnRestart, new OnStartup, old OnShutdown
//	reload that fails in the setup         old OnRestart, old OnRestartFailed
//	reload that fails after new OnStartup  old OnRestart, new OnStartup, old OnRestartFailed; the new gets nothing
//	reload after which the old OnShutdown  old OnRestart, new OnStartup, some of old OnShutdown, old OnRestartFailed;
//	of another plugin returns an error     the new one serves
//	SIGTERM                                OnShutdown, OnFinalShutdown, then answers until lameduck is over
//
// So the new generation acquires its checks before the old one gives them back, and what is in both never stops. A
// failed new generation is released by the old one. No callback but OnRestart and OnStartup returns an error: CoreDNS
// would skip others.
type generation struct {
	blocks  []block
	running *running
	reload  reload
}

type block struct {
	handler *Failover
	key     string // the keys of the server block
	keys    []string
	// listens tells where the block answers; it is known only when all plugins are set up.
	listens func() []listener
	// restricted tells that some clients may not ask for some names; it is known only when all plugins are set up, and nil
	// where that is not so.
	restricted func() bool
	// audience tells whom the block is for: its view, if it has one, and the addresses that it listens on. It is known only
	// when all plugins are set up.
	audience func() (view string, hosts []string)
	// notify returns what tells the secondaries of a zone that it has changed, or nil where there are none.
	notify func() func(zone string) error
}

// running is the part of a generation that its goroutines can reach. It does not point back, so that a generation which
// CoreDNS forgot without a word (one that failed while no older one had this plugin) is released by the garbage
// collector.
type running struct {
	runners []*runner
	told    *webhook.Lease // nil until the start
	admins  []*admin.Lease
	loaded  time.Time // when it was started; kept under live's mutex
	once    sync.Once
}

// live are the generations that have been started and not released.
var live generations

type generations struct {
	sync.Mutex
	generations []*running // oldest first
	since       time.Time  // when the first of an unbroken line of generations was started
	ready       bool       // the line has been ready
}

func (l *generations) add(g *running) {
	l.Lock()
	defer l.Unlock()
	if len(l.generations) == 0 {
		l.since, l.ready = time.Now(), false
	}
	g.loaded = time.Now()
	l.generations = append(l.generations, g)
	latencies.keep(l.administered())
}

// loaded tells when the configuration that answers was loaded; the zero time when there is none.
func (l *generations) loaded() time.Time {
	l.Lock()
	defer l.Unlock()
	if len(l.generations) == 0 {
		return time.Time{}
	}
	return l.generations[len(l.generations)-1].loaded
}

// administered tells that there is an admin API.
func (l *generations) administered() bool {
	return slices.ContainsFunc(l.generations, func(g *running) bool { return len(g.admins) > 0 })
}

type generationKey struct{}

// generationOf returns the generation of the load that c is part of, and hooks it up when it is new.
func generationOf(c *caddy.Controller) *generation {
	if g, ok := c.Get(generationKey{}).(*generation); ok {
		return g
	}
	hook()
	g := &generation{running: new(running)}
	c.Set(generationKey{}, g)
	c.OnStartup(g.start)
	c.OnRestart(g.restart)
	c.OnRestartFailed(func() error { g.restartFailed(); return nil })
	c.OnShutdown(func() error {
		if g.reload.replaced() {
			g.running.release()
		}
		return nil
	})
	c.OnFinalShutdown(func() error {
		g.running.release()
		receivers.Wait() // for what happened last, a moment
		return nil
	})
	runtime.AddCleanup(g, func(r *running) { r.release() }, g.running)
	return g
}

func (g *generation) add(b block) { g.blocks = append(g.blocks, b) }

// start starts every server block of the generation, or none of them.
func (g *generation) start() error {
	var listeners []listener
	for _, b := range g.blocks {
		listeners = append(listeners, b.listens()...)
	}
	configs := make([]*corefile.Config, 0, len(g.blocks))
	for _, b := range g.blocks {
		configs = append(configs, b.handler.config)
	}
	for _, agree := range [...]func([]*corefile.Config) error{corefile.AgreeHeartbeats, corefile.AgreeWebhooks} {
		if err := agree(configs); err != nil {
			return plugin.Error(name, err)
		}
	}
	for _, b := range g.blocks {
		if b.handler.Next == nil {
			if err := b.handler.config.RefuseOutside(); err != nil {
				return plugin.Error(name, err)
			}
		}
		if err := refuseOwn(b.handler.config.Resolvers, listeners); err != nil {
			return plugin.Error(name, err)
		}
	}
	tellApart(g.blocks)
	var hooks []webhook.Config
	for _, b := range g.blocks {
		for _, w := range b.handler.config.Webhooks {
			hooks = append(hooks, w.Config)
		}
	}
	g.running.told = receivers.Acquire(hooks) // first, or it would miss what the first probes find
	revival := revive(g.blocks)
	defer revival.done()
	blocks := make([]zone.Block, 0, len(g.blocks))
	for _, b := range g.blocks {
		r, err := newRunner(b.key, b.handler.config)
		if err != nil {
			g.running.release()
			return err
		}
		r.index.Withhold = b.restricted != nil && b.restricted()
		r.finder.handler, r.finder.keys = weak.Make(b.handler), b.keys
		g.running.runners = append(g.running.runners, r)
		blocks = append(blocks, zone.Block{Keys: b.key, Index: r.index})
	}
	if err := g.acquireAdmins(); err != nil {
		g.running.release()
		return plugin.Error(name, err)
	}
	zone.Adopt(blocks, predecessors())
	revival.sets(blocks, g.running.runners)
	for i, r := range g.running.runners {
		if send := g.blocks[i].notify(); send != nil {
			r.notify(send)
		}
		r.start()
		g.blocks[i].handler.index = r.index
	}
	live.add(g.running)
	keeper.begin(g.running, stateOf(g.blocks))
	return nil
}

// restart prepares for a reload, which ends with OnShutdown or restartFailed.
func (g *generation) restart() error {
	return g.reload.begin(func() []caddy.ServerListener {
		if i := g.instance(); i != nil {
			return i.Servers()
		}
		return nil
	})
}

// restartFailed releases the generation that does not serve: the new one, or this one if CoreDNS took it out of service
// before a plugin's shutdown failed.
func (g *generation) restartFailed() {
	if !g.reload.failed() {
		return
	}
	if g.instance() != nil {
		releaseNewer(g.running)
		return
	}
	g.running.release()
}

// instance is the one that serves the generation; nil when CoreDNS has none that does.
func (g *generation) instance() *caddy.Instance {
	for _, i := range caddy.Instances() {
		i.StorageMu.RLock()
		serves := i.Storage[generationKey{}] == any(g)
		i.StorageMu.RUnlock()
		if serves {
			return i
		}
	}
	return nil
}

// predecessors returns what the newest live generation answers.
func predecessors() []zone.Block {
	live.Lock()
	defer live.Unlock()
	if len(live.generations) == 0 {
		return nil
	}
	var blocks []zone.Block
	for _, r := range live.generations[len(live.generations)-1].runners {
		blocks = append(blocks, zone.Block{Keys: r.key, Index: r.index})
	}
	return blocks
}

func (g *running) release() {
	g.once.Do(func() {
		keeper.end(g)
		live.Lock()
		live.generations = slices.DeleteFunc(live.generations, func(other *running) bool { return other == g })
		latencies.keep(live.administered())
		live.Unlock()
		g.releaseAdmins()
		for _, r := range g.runners {
			r.release()
		}
		if g.told != nil {
			g.told.Release()
		}
		listed.drop()
		latencies.tidy(liveRunners())
		g.giveWay()
	})
}

// giveWay hands over to the generations that go on. What they serve is ahead of what this one served, and is served
// from now on.
func (g *running) giveWay() {
	last := make(zone.Serials)
	for _, r := range g.runners {
		last.Note(r.index)
	}
	for _, r := range liveRunners() {
		r.index.Overtake(last, time.Now())
		r.open()
	}
}

// hook has CoreDNS call instanceServes. It is done at each load, since CoreDNS forgets all hooks on SIGUSR1; where it
// still has this one, it panics.
func hook() {
	defer func() { _ = recover() }()
	caddy.RegisterEventHook(name, instanceServes)
}

// instanceServes is told by CoreDNS that questions come to an instance; there is no callback for that which a plugin
// could give a controller.
func instanceServes(event caddy.EventName, info any) error {
	instance, ok := info.(*caddy.Instance)
	if event != caddy.InstanceStartupEvent || !ok {
		return nil
	}
	instance.StorageMu.RLock()
	g, ok := instance.Storage[generationKey{}].(*generation)
	instance.StorageMu.RUnlock()
	if ok {
		for _, r := range g.running.runners {
			r.open()
		}
	}
	return nil
}

// releaseNewer releases the generations that were started after g: what a failed reload left.
func releaseNewer(g *running) {
	live.Lock()
	at := slices.Index(live.generations, g)
	var newer []*running
	if at >= 0 {
		newer = slices.Clone(live.generations[at+1:])
	}
	live.Unlock()
	for _, n := range newer {
		n.release()
	}
}

// newestRunners returns the runners of the newest live generation.
func newestRunners() []*runner {
	live.Lock()
	defer live.Unlock()
	if len(live.generations) == 0 {
		return nil
	}
	return live.generations[len(live.generations)-1].runners
}

// liveRunners returns the runners of all live generations, the newest generation first.
func liveRunners() []*runner {
	live.Lock()
	defer live.Unlock()
	var runners []*runner
	for _, g := range slices.Backward(live.generations) {
		runners = append(runners, g.runners...)
	}
	return runners
}
