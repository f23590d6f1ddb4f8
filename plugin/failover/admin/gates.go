package admin

import "sync/atomic"

const (
	// maxConnections bounds the open connections of all addresses together, and maxStreams those of them that are streams.
	maxConnections = 2048
	maxStreams     = 1536
)

// gates bound what goes on at a time.
type gates struct {
	connections atomic.Int32
	streams     atomic.Int32
}

func (g *gates) connect() bool { return enter(&g.connections, maxConnections) }
func (g *gates) disconnect()   { g.connections.Add(-1) }
func (g *gates) stream() bool  { return enter(&g.streams, maxStreams) }
func (g *gates) unstream()     { g.streams.Add(-1) }

func enter(n *atomic.Int32, most int32) bool {
	if n.Add(1) > most {
		n.Add(-1)
		return false
	}
	return true
}
