package probe

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"
)

const (
	// maxFinish is how long a peer gets to close its side, once all has been said.
	maxFinish = 20 * time.Millisecond
	// maxDrain bounds what is read of what it still has to say, in bytes.
	maxDrain = 4 << 10
)

// drains are buffers to read into what nobody looks at.
var drains = sync.Pool{New: func() any { return new([maxDrain / 2]byte) }}

// finish closes a connection on which all has been said and whose peer knows it. The side that closes first keeps the
// connection as TIME_WAIT for a minute, and its port with it: at a thousand attempts a second all ports would be gone.
// So the peer goes first, as a server does that was told "Connection: close"; one that does not get to it soon sees a
// reset, which leaves nothing behind. A peer with more to say than fits a header sees a reset too.
func finish(ctx context.Context, conn connection) {
	if !peerEnded(ctx, conn) {
		abort(conn)
		return
	}
	conn.Close()
}

// peerEnded waits a little for the peer to close its side.
func peerEnded(ctx context.Context, conn connection) bool {
	until := time.Now().Add(maxFinish)
	if deadline, ok := ctx.Deadline(); ok && deadline.Before(until) {
		until = deadline
	}
	if ctx.Err() != nil || conn.SetReadDeadline(until) != nil {
		return false
	}
	buffer := drains.Get().(*[maxDrain / 2]byte)
	defer drains.Put(buffer)
	for read := 0; read < maxDrain; {
		n, err := conn.Read(buffer[:])
		if read += n; err != nil {
			return errors.Is(err, io.EOF)
		}
	}
	return false
}
