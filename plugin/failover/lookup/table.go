package lookup

import (
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Table is what is known of all names that are looked up.
type Table struct {
	mu     sync.Mutex
	names  map[Key]*entry
	chains map[string][]*Serving // by Key.Via, in the order in which they were opened
	// watches are told of each new chain, by Key.Via.
	watches map[string]map[*watch]bool
}

// Key is a name and through whose plugins it is looked up.
type Key struct{ Via, Name string }

// entry is what is known of a name.
type entry struct {
	key   Key
	found atomic.Pointer[Found]
	users map[*Use]bool // belongs to the mutex of the Table, as do the lives
	lives [2]lifetime
}

// watch is one Prober that wants to look again when the plugins are others.
type watch struct{ changed func() }

// NewTable makes an empty Table. It starts nothing.
func NewTable() *Table {
	return &Table{names: map[Key]*entry{}, chains: map[string][]*Serving{}, watches: map[string]map[*watch]bool{}}
}

// Use is one user's hold on what is known of a name.
type Use struct {
	table   *Table
	entry   *entry
	changed func()
}

// Use begins to use a name. Changed is called without a lock whenever there is something new, maybe once more while
// Leave is called, and must not wait for anything.
func (t *Table) Use(key Key, changed func()) *Use {
	t.mu.Lock()
	defer t.mu.Unlock()
	e := t.names[key]
	if e == nil {
		e = &entry{key: key, users: map[*Use]bool{}}
		e.found.Store(nothing)
		t.names[key] = e
	}
	u := &Use{table: t, entry: e, changed: changed}
	e.users[u] = true
	return u
}

// Found gives what is known of the name. It takes no lock.
func (u *Use) Found() *Found { return u.entry.found.Load() }

// Leave ends the use; Found goes on giving what was known. With the last user a name is forgotten.
func (u *Use) Leave() {
	t := u.table
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(u.entry.users, u)
	if len(u.entry.users) == 0 && t.names[u.entry.key] == u.entry {
		delete(t.names, u.entry.key)
	}
}

// Serving is a chain that names are looked up through.
type Serving struct {
	table *Table
	via   string
	chain *Chain
}

// Serve has names looked up through a chain from now on, and at once, until Stop; then through the one before it that
// has not been stopped, if there is one.
func (t *Table) Serve(via string, chain *Chain) *Serving {
	s := &Serving{table: t, via: via, chain: chain}
	t.mu.Lock()
	t.chains[via] = append(t.chains[via], s)
	watches := slices.Collect(maps.Keys(t.watches[via]))
	t.mu.Unlock()
	for _, w := range watches {
		w.changed()
	}
	return s
}

// Stop ends what Serve began. A look-up that is under way goes on, and counts for nothing.
func (s *Serving) Stop() {
	t := s.table
	t.mu.Lock()
	defer t.mu.Unlock()
	rest := slices.DeleteFunc(t.chains[s.via], func(other *Serving) bool { return other == s })
	if t.chains[s.via] = rest; len(rest) == 0 {
		delete(t.chains, s.via)
	}
}

// chain is the one to look up through now, nil for none.
func (t *Table) chain(via string) *Chain {
	t.mu.Lock()
	defer t.mu.Unlock()
	all := t.chains[via]
	if len(all) == 0 {
		return nil
	}
	return all[len(all)-1].chain
}

// known gives what is known of a name; nothing is known of one without users.
func (t *Table) known(key Key) *Found {
	t.mu.Lock()
	defer t.mu.Unlock()
	if e := t.names[key]; e != nil {
		return e.found.Load()
	}
	return nothing
}

// learn keeps what a look-up found and tells the users of what is new. The TTLs become those to go by.
func (t *Table) learn(key Key, found Found, now time.Time) {
	t.mu.Lock()
	e := t.names[key]
	if e == nil {
		t.mu.Unlock()
		return
	}
	old := e.found.Load()
	for f := range found.Now {
		family := &found.Now[f]
		if !slices.Equal(family.Addrs, old.Now[f].Addrs) {
			e.lives[f] = lifetime{}
		}
		if len(family.Addrs) > 0 {
			family.TTL = e.lives[f].see(family.TTL, now)
		}
	}
	if found.Since = now; found.says(old) {
		found.Since = old.Since
	}
	if found.Last = old.Last; found.Any() {
		found.Last = found.Now
	}
	if found.same(old) {
		t.mu.Unlock()
		return
	}
	e.found.Store(&found)
	users := slices.Collect(maps.Keys(e.users))
	t.mu.Unlock()
	for _, u := range users {
		u.changed()
	}
}
