package probe

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// breaking is a connection that tells when it is broken off.
type breaking chan time.Time

func (b breaking) SetDeadline(t time.Time) error {
	b <- t
	return nil
}

// broken tells whether it has been broken off.
func (b breaking) broken() bool {
	select {
	case <-b:
		return true
	default:
		return false
	}
}

// TestContextIsLikeThatOfPackageContext does the same to both.
func TestContextIsLikeThatOfPackageContext(t *testing.T) {
	type canceled struct {
		context.Context
		cancel func()
	}
	const timeout = time.Second
	for name, begin := range map[string]func(context.Context) canceled{
		"own": func(context.Context) canceled {
			c := NewContext(timeout)
			return canceled{c, c.Cancel}
		},
		"of the library": func(parent context.Context) canceled {
			c, cancel := context.WithTimeout(parent, timeout)
			return canceled{c, cancel}
		},
	} {
		for _, c := range []struct {
			name   string
			waited bool // somebody waits for the end from the start
			what   func(canceled)
			want   error
		}{
			{"nothing happens", false, func(canceled) {}, nil},
			{"nothing happens", true, func(canceled) {}, nil},
			{"canceled", false, func(c canceled) { c.cancel() }, context.Canceled},
			{"canceled", true, func(c canceled) { c.cancel() }, context.Canceled},
			{"the time is over", false, func(canceled) { time.Sleep(timeout) }, context.DeadlineExceeded},
			{"the time is over", true, func(canceled) { time.Sleep(timeout) }, context.DeadlineExceeded},
			{"canceled after the time", false, func(c canceled) { time.Sleep(2 * timeout); c.cancel() }, context.DeadlineExceeded},
			{"canceled after the time", true, func(c canceled) { time.Sleep(2 * timeout); c.cancel() }, context.DeadlineExceeded},
			{"over after it was canceled", false, func(c canceled) { c.cancel(); time.Sleep(timeout) }, context.Canceled},
		} {
			synctest.Test(t, func(t *testing.T) {
				ctx := begin(t.Context())
				defer ctx.cancel()
				began := time.Now()
				var child context.Context
				if c.waited {
					var cancel context.CancelFunc
					child, cancel = context.WithTimeout(ctx, time.Hour)
					defer cancel()
				}
				c.what(ctx)
				synctest.Wait()
				if err := ctx.Err(); !errors.Is(err, c.want) {
					t.Errorf("%s: %s, waited %t: error %v, want %v", name, c.name, c.waited, err, c.want)
				}
				if child != nil && !errors.Is(child.Err(), c.want) {
					t.Errorf("%s: %s: a child's error is %v", name, c.name, child.Err())
				}
				select {
				case <-ctx.Done():
					if c.want == nil {
						t.Errorf("%s: %s: it is over", name, c.name)
					}
				default:
					if c.want != nil {
						t.Errorf("%s: %s: it is not over", name, c.name)
					}
				}
				late, cancel := context.WithTimeout(ctx, time.Hour)
				defer cancel()
				if !errors.Is(late.Err(), c.want) {
					t.Errorf("%s: %s: a late child's error is %v", name, c.name, late.Err())
				}
				if deadline, ok := ctx.Deadline(); !ok || !deadline.Equal(began.Add(timeout)) {
					t.Errorf("%s: the deadline is %v, %t", name, deadline, ok)
				}
			})
		}
	}
}

func TestContextBreaksItsConnectionsOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := NewContext(time.Second)
		conns := []breaking{make(breaking, 1), make(breaking, 1), make(breaking, 1), make(breaking, 1)}
		whenOver(ctx, conns[0])()
		for _, conn := range conns[1:3] { // two at a time
			defer whenOver(ctx, conn)()
		}
		ctx.Cancel()
		defer whenOver(ctx, conns[3])() // too late
		synctest.Wait()
		for i, want := range []bool{false, true, true, true} {
			if got := conns[i].broken(); got != want {
				t.Errorf("Connection %d: broken off %t, want %t", i, got, want)
			}
		}
	})
}
