package cluster

import (
	"sync"
	"time"
)

// server is the way to one API server, for all feeds of its cluster.
type server struct {
	access Access
	told   func(Notice)

	// loading is held while files are read.
	loading sync.Mutex
	// telling is held from what is to be told until it is, so that all is told in order. It comes before mu.
	telling sync.Mutex

	mu     sync.Mutex
	client *client
	known  uint64 // fingerprint of what the client was made from
	feeds  int
	away   int         // feeds that are
	said   bool        // that it is away, and not yet that it is back
	calm   *time.Timer // until that is said
}

// calmTime is for how long all must be well before that is said, so that what comes and goes does not fill the log.
const calmTime = 10 * time.Second

// Notice is told when an API server goes away, and when it is back.
type Notice struct {
	Access Access
	Away   bool
	Cause  string // of Away
	Unused bool   // it was away, and nobody wants to know any more
}

// connect gives the client, a new one if what it is made from has changed. While that cannot be used, the last good
// client is.
func (s *server) connect() (*client, error) {
	s.loading.Lock()
	defer s.loading.Unlock()
	s.mu.Lock()
	current, known := s.client, s.known
	s.mu.Unlock()
	config, err := s.access.load()
	if err == nil {
		if print := fingerprint(config); current == nil || print != known {
			fresh, made := newClient(config)
			if made == nil {
				return s.swap(fresh, print), nil
			}
			err = made
		}
	}
	if current == nil && err != nil {
		return nil, &configError{err}
	}
	return current, nil
}

// swap puts a client in place of the one there was, and ends that one's connections: what goes on over them is asked
// again at once, with the new credentials.
func (s *server) swap(fresh *client, print uint64) *client {
	s.mu.Lock()
	old := s.client
	unused := s.feeds == 0
	if unused {
		old = fresh // of the last feed, which has just ended
	} else {
		s.client, s.known = fresh, print
	}
	s.mu.Unlock()
	if old != nil {
		old.close()
	}
	return fresh
}

// join is called for each feed that begins.
func (s *server) join() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.feeds++
}

// leave is called for each feed that has ended. It tells whether that was the last, and gives what is left to do without
// a lock.
func (s *server) leave() (unused bool, rest func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.feeds--; s.feeds > 0 {
		return false, func() {}
	}
	last, tell := s.client, s.said
	s.client, s.said = nil, false
	if s.calm != nil {
		s.calm.Stop()
		s.calm = nil
	}
	return true, func() {
		if last != nil {
			last.close()
		}
		if tell {
			s.told(Notice{Access: s.access, Unused: true})
		}
	}
}

// lost notes that a feed is away, for a cause.
func (s *server) lost(cause string) {
	s.telling.Lock()
	defer s.telling.Unlock()
	s.mu.Lock()
	tell := false
	if s.away++; s.away == 1 {
		if s.calm != nil {
			s.calm.Stop()
			s.calm = nil
		}
		tell, s.said = !s.said, true
	}
	s.mu.Unlock()
	if tell {
		s.told(Notice{Access: s.access, Away: true, Cause: cause})
	}
}

// found notes that a feed is away no more, or has ended.
func (s *server) found() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.away--; s.away == 0 && s.feeds > 0 {
		var calm *time.Timer
		calm = time.AfterFunc(calmTime, func() {
			s.telling.Lock()
			defer s.telling.Unlock()
			s.mu.Lock()
			tell := s.calm == calm && s.away == 0
			if tell {
				s.said, s.calm = false, nil
			}
			s.mu.Unlock()
			if tell {
				s.told(Notice{Access: s.access})
			}
		})
		s.calm = calm
	}
}
