package cluster

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/seed-a19ac2b6/failover/health/probe"

	discovery "k8s.io/api/discovery/v1"
)

// endpoints is what is kept of the EndpointSlices of a namespace: of each, its Service, its ports, and how many of its
// endpoints are ready. It is the store of a Reflector.
type endpoints struct {
	namespace string
	// changed is called after each change, without a lock, with the Services that it is about.
	changed func(services ...string)
	// replaced is called instead when all may have changed.
	replaced func()

	mu       sync.RWMutex
	slices   map[string]*slice            // by name
	services map[string]map[string]*slice // by Service, then by name
	overfull bool
}

// slice is an EndpointSlice in small.
type slice struct {
	service      string
	ports        []port
	total, ready int
}

// port is one of a slice. A number of 0 stands for every port.
type port struct {
	name   string
	number int32
}

// mostSlices bounds what is kept, whatever an API server says. It is for ten million endpoints.
const mostSlices = 100_000

var errOverfull = errors.New("the namespace has too many EndpointSlices")

func newEndpoints(namespace string, changed func(...string), replaced func()) *endpoints {
	return &endpoints{
		namespace: namespace, changed: changed, replaced: replaced,
		slices: make(map[string]*slice), services: make(map[string]map[string]*slice),
	}
}

// small gives what is kept of an EndpointSlice, nil for nothing: it belongs to no Service, or to another namespace.
func (e *endpoints) small(object any) (name string, s *slice) {
	from, ok := object.(*discovery.EndpointSlice)
	if !ok || from == nil || from.Namespace != e.namespace || from.Name == "" {
		return "", nil
	}
	s = &slice{service: from.Labels[discovery.LabelServiceName]}
	if s.service == "" {
		return from.Name, nil
	}
	for _, p := range from.Ports {
		var kept port
		if p.Name != nil {
			kept.name = *p.Name
		}
		if p.Port != nil {
			if kept.number = *p.Port; kept.number == 0 {
				continue // there is no such port, and it must not stand for all
			}
		}
		s.ports = append(s.ports, kept)
	}
	for i := range from.Endpoints {
		one := &from.Endpoints[i]
		if len(one.Addresses) == 0 {
			continue
		}
		s.total++
		if one.Conditions.Ready == nil || *one.Conditions.Ready {
			s.ready++
		}
	}
	return from.Name, s
}

// put keeps a slice in place of what had its name, nil for nothing, and gives the Services concerned.
func (e *endpoints) put(name string, s *slice) (concerned []string, err error) {
	if old := e.slices[name]; old != nil {
		concerned = append(concerned, old.service)
		delete(e.slices, name)
		delete(e.services[old.service], name)
		if len(e.services[old.service]) == 0 {
			delete(e.services, old.service)
		}
	}
	if s == nil {
		return concerned, nil
	}
	if len(e.slices) >= mostSlices {
		e.overfull = true
		return concerned, errOverfull
	}
	e.slices[name] = s
	if e.services[s.service] == nil {
		e.services[s.service] = make(map[string]*slice)
	}
	e.services[s.service][name] = s
	return append(concerned, s.service), nil
}

// Add implements cache.ReflectorStore.
func (e *endpoints) Add(object any) error {
	name, s := e.small(object)
	if name == "" {
		return nil
	}
	e.mu.Lock()
	concerned, err := e.put(name, s)
	e.mu.Unlock()
	e.changed(concerned...)
	return err
}

// Update implements cache.ReflectorStore.
func (e *endpoints) Update(object any) error { return e.Add(object) }

// Delete implements cache.ReflectorStore.
func (e *endpoints) Delete(object any) error {
	name, _ := e.small(object)
	if name == "" {
		return nil
	}
	e.mu.Lock()
	concerned, err := e.put(name, nil)
	e.mu.Unlock()
	e.changed(concerned...)
	return err
}

// Replace implements cache.ReflectorStore.
func (e *endpoints) Replace(objects []any, _ string) error {
	fresh := newEndpoints(e.namespace, nil, nil)
	for _, object := range objects {
		if name, s := e.small(object); s != nil {
			if _, err := fresh.put(name, s); err != nil {
				break
			}
		}
	}
	e.mu.Lock()
	e.slices, e.services, e.overfull = fresh.slices, fresh.services, fresh.overfull
	e.mu.Unlock()
	e.replaced()
	return nil
}

// Resync implements cache.ReflectorStore.
func (e *endpoints) Resync() error { return nil }

// full tells that there is more than can be kept, so that nothing is certain.
func (e *endpoints) full() bool {
	e.mu.RLock()
	defer e.mu.RUnlock()
	return e.overfull
}

// judge says what is known of a Service, or of its endpoints with a port.
func (e *endpoints) judge(service, port string) probe.Result {
	e.mu.RLock()
	defer e.mu.RUnlock()
	all := e.services[service]
	total, ready, fitting := 0, 0, 0
	for _, s := range all {
		total += s.total
		ready += s.ready
		if port == "" || s.has(port) {
			fitting += s.ready
		}
	}
	switch {
	case fitting > 0:
		return probe.Result{
			Outcome: probe.Pass, Reason: probe.ReasonOK, Detail: fmt.Sprintf("%d of %d endpoints are ready", fitting, total),
		}
	case len(all) == 0:
		return notReady("there is no such Service, or it has no EndpointSlices")
	case total == 0:
		return notReady("the Service has no endpoints")
	case ready == 0 && total == 1:
		return notReady("its only endpoint is not ready")
	case ready == 0:
		return notReady(fmt.Sprintf("none of its %d endpoints is ready", total))
	}
	text := fmt.Sprintf("%d of %d endpoints are ready, and none of those has the port %s", ready, total, port)
	if others := portsOf(all); others != "" {
		text += ", but " + others // who gave the Service's port sees by this that it is the pods' that counts
	}
	return notReady(probe.Printable(text))
}

// portsOf names the first few ports of the slices with an endpoint that is ready.
func portsOf(all map[string]*slice) string {
	const most = 4
	var found []string
	for _, s := range all {
		for _, p := range s.ports {
			text := p.name
			if p.number != 0 {
				text = strings.TrimSpace(fmt.Sprintf("%s %d", p.name, p.number))
			}
			if s.ready > 0 && text != "" && !slices.Contains(found, text) {
				found = append(found, text)
			}
		}
	}
	slices.Sort(found)
	if len(found) > most {
		found = append(found[:most], "others")
	}
	return strings.Join(found, ", ")
}

func notReady(detail string) probe.Result {
	return probe.Result{Outcome: probe.Fail, Reason: probe.ReasonNotReady, Detail: detail}
}

// has tells whether the endpoints of the slice have a port, by name or number.
func (s *slice) has(wanted string) bool {
	number, err := strconv.ParseInt(wanted, 10, 32)
	for _, p := range s.ports {
		if err == nil && (p.number == int32(number) || p.number == 0) || err != nil && p.name == wanted {
			return true
		}
	}
	return false
}
