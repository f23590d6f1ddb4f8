package failover

import (
	"context"
	"strings"
	"sync"
	"weak"

	"github.com/seed-a19ac2b6/failover/plugin/failover/corefile"
	"github.com/seed-a19ac2b6/failover/plugin/failover/lookup"
	"github.com/seed-a19ac2b6/failover/plugin/failover/zone"

	"github.com/coredns/coredns/core/dnsserver"
	"github.com/coredns/coredns/plugin"
	clog "github.com/coredns/coredns/plugin/pkg/log"
	"github.com/miekg/dns"
)

// lookups is what is known of the names outside the record sets, for the whole process: a reload must find what is known
// already.
var lookups = lookup.NewTable()

// finder looks up the names outside of one server block, from the moment its server serves until it is released.
type finder struct {
	via  string
	uses map[string]*lookup.Use
	// cnames are those of the names that no check looks up.
	cnames []string
	// handler is of the server block, with its keys. It is held by CoreDNS, or not any more: see running.
	handler weak.Pointer[Failover]
	keys    []string

	mu      sync.Mutex
	serving *lookup.Serving
	refresh func() // ends the look-ups for CNAMEs
	left    bool
}

// newFinder begins to use what is known of the names. The index is told what is new, and then nudge is called.
func newFinder(config *corefile.Config, index *zone.Index, nudge func()) *finder {
	f := &finder{via: config.Via(), uses: make(map[string]*lookup.Use, len(config.Outside))}
	for _, o := range config.Outside {
		if o.Leaf == corefile.NoLeaf {
			f.cnames = append(f.cnames, o.Name)
		}
		f.uses[o.Name] = lookups.Use(lookup.Key{Via: f.via, Name: o.Name}, func() {
			index.Found(o.Name)
			nudge()
		})
	}
	index.Look = func(name string) *lookup.Found { return f.uses[name].Found() }
	return f
}

// open is to be called when the plugins of the server block work: when it serves. Before, they may not be ready to be
// asked anything. It may be called again.
func (f *finder) open() {
	f.mu.Lock()
	defer f.mu.Unlock()
	handler := f.handler.Value()
	if handler == nil || handler.Next == nil || f.serving != nil || f.left || len(f.uses) == 0 {
		return
	}
	f.serving = lookups.Serve(f.via, chainOf(handler, f.keys))
	if len(f.cnames) > 0 {
		f.refresh = lookups.Refresh(f.via, f.cnames)
	}
}

// leave ends the look-ups. What is known goes on being known to the users that are left.
func (f *finder) leave() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.serving != nil {
		f.serving.Stop()
		f.serving = nil
		if f.refresh != nil {
			f.refresh()
		}
	}
	f.left = true
	for _, use := range f.uses {
		use.Leave()
	}
}

// chainOf is what a server block's names are looked up through: the plugins after this one.
func chainOf(f *Failover, keys []string) *lookup.Chain {
	chain := &lookup.Chain{Next: f.Next, Panicked: func(value any, stack []byte) {
		panics.Inc()
		log.Errorf("Recovered from a panic of another plugin, in a look-up: %v\n%s", value, stack)
	}}
	server, err := stageFor(f, keys)
	if err != nil {
		log.Warningf("What other plugins look up further is left out: %v", err)
		return chain
	}
	chain.Context = func(ctx context.Context) context.Context {
		return context.WithValue(context.WithValue(ctx, dnsserver.Key{}, server), dnsserver.LoopKey{}, 0)
	}
	return chain
}

// stageFor is a server for plugins that look further for themselves, as kubernetes does for a Service that is a name
// elsewhere, and file for a CNAME: they ask the server whose query they answer, and CoreDNS tells a plugin of its servers
// by queries only. This one never listens, and has nothing but the rest of the server block, beginning with this plugin.
func stageFor(f *Failover, keys []string) (*dnsserver.Server, error) {
	addr := ""
	if len(keys) > 0 {
		// As in the labels of metrics, "dns://:53".
		if scheme, rest, ok := strings.Cut(keys[0], "://"); ok {
			addr = scheme + "://" + rest[strings.LastIndexByte(rest, ':'):]
		}
	}
	return dnsserver.NewServer(addr, []*dnsserver.Config{{
		Zone:   ".",
		Debug:  clog.D.Value(), // which NewServer sets for the whole process
		Plugin: []plugin.Plugin{func(plugin.Handler) plugin.Handler { return stage{f} }},
	}})
}

// stage is all plugins of a stageFor.
type stage struct{ f *Failover }

func (s stage) Name() string { return name }

func (s stage) ServeDNS(ctx context.Context, w dns.ResponseWriter, r *dns.Msg) (int, error) {
	if len(r.Question) > 0 && s.f.index.LeadsTo(r.Question[0].Name, lookup.Asked(ctx)) {
		// What was found before would be found again for ever.
		return dns.RcodeServerFailure, nil
	}
	return s.f.ServeDNS(ctx, w, r)
}
