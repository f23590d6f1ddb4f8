package probe

import (
	"context"
	"sync"
	"time"
)

// Context is the context.Context of an attempt. It ends at its deadline or with Cancel, whichever comes first.
//
// It does what context.WithTimeout and context.AfterFunc do, without most of their garbage: what they need to wake those
// who wait for the end is made when somebody does. A prober that reads and writes with deadlines need not wait: Cancel
// breaks its connection off.
type Context struct {
	deadline time.Time

	mu     sync.Mutex
	conn   breakable          // what Cancel breaks off; nil: nothing
	ended  error              // why it has ended; nil: it has not, or nobody has looked since
	waited context.Context    // with the same end, once somebody waits for it
	stop   context.CancelFunc // ends waited
}

// breakable is a connection, of which no read or write goes on after its deadline.
type breakable interface {
	SetDeadline(t time.Time) error
}

// NewContext makes a Context that ends after a time. It must be canceled when it is done with.
func NewContext(timeout time.Duration) *Context {
	return &Context{deadline: time.Now().Add(timeout)}
}

// Deadline is that of context.Context.
func (c *Context) Deadline() (deadline time.Time, ok bool) { return c.deadline, true }

// Done is that of context.Context.
func (c *Context) Done() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.waited == nil {
		c.waited, c.stop = context.WithDeadline(context.Background(), c.deadline)
		if c.ended != nil {
			c.stop()
		}
	}
	return c.waited.Done()
}

// Err is that of context.Context.
func (c *Context) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err()
}

// err is Err under the lock. Where nobody waits for the end it is the clock that tells of it.
func (c *Context) err() error {
	switch {
	case c.ended != nil:
	case c.waited != nil:
		c.ended = c.waited.Err()
	case !time.Now().Before(c.deadline):
		c.ended = context.DeadlineExceeded
	}
	return c.ended
}

// Value is that of context.Context. It holds none but what package context keeps for itself, by which contexts that are
// made from this one end with it.
func (c *Context) Value(key any) any {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.waited == nil {
		return nil
	}
	return c.waited.Value(key)
}

// Cancel ends c.
func (c *Context) Cancel() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err() == nil {
		c.ended = context.Canceled
	}
	if c.stop != nil {
		c.stop()
	}
	if c.conn != nil {
		breakOff(c.conn)
	}
}

// hold has Cancel break conn off, until release. It does nothing and says so while there is another connection.
func (c *Context) hold(conn breakable) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.conn != nil {
		return false
	}
	c.conn = conn
	if c.ended != nil {
		breakOff(conn)
	}
	return true
}

// release forgets the connection.
func (c *Context) release() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.conn = nil
}

// whenOver has conn broken off when ctx ends, until the function that it returns is called. If ctx has a deadline then
// conn must have it too.
func whenOver(ctx context.Context, conn breakable) (release func()) {
	if own, ok := ctx.(*Context); ok && own.hold(conn) {
		return own.release
	}
	stop := context.AfterFunc(ctx, func() { breakOff(conn) })
	return func() { stop() }
}

// breakOff ends every read and write of conn, now and later.
func breakOff(conn breakable) {
	_ = conn.SetDeadline(time.Unix(1, 0)) // fails only on a closed connection, of which the next read tells
}
