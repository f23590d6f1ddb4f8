package probe

import (
	"runtime"
	"sync"
	"weak"
)

// shared holds what many checks have in common, once: ten thousand of them may name one pattern or one CA file. It
// holds it weakly, so the last check that lets go frees it. The zero value is empty and ready.
type shared[K comparable, V any] struct {
	mu    sync.Mutex
	byKey map[K]weak.Pointer[V]
}

// get gives what there is for key, or else what load makes. Nothing is kept of a load that fails. The key must not lead
// to the value, or that would never be freed.
func (s *shared[K, V]) get(key K, load func() (*V, error)) (*V, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if v := s.byKey[key].Value(); v != nil {
		return v, nil
	}
	v, err := load()
	if err != nil {
		return nil, err
	}
	if s.byKey == nil {
		s.byKey = map[K]weak.Pointer[V]{}
	}
	pointer := weak.Make(v)
	s.byKey[key] = pointer
	runtime.AddCleanup(v, func(key K) {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.byKey[key] == pointer {
			delete(s.byKey, key)
		}
	}, key)
	return v, nil
}

// holds tells whether there is something for key.
func (s *shared[K, V]) holds(key K) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, ok := s.byKey[key]
	return ok
}
