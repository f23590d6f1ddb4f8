package admin

import (
	"testing"

	"github.com/seed-a19ac2b6/failover/plugin/failover/api"
)

// The last client can go while the hub is about to tell it something, and another can come at once. That one has a
// goroutine of its own; if the old one told it, too, it would miss events or hear them twice.
func TestAHubWhoseClientsHaveGoneTellsNobody(t *testing.T) {
	b := &fake{}
	h := hub{backend: b}
	first, _ := h.join(nil, 0)
	h.mu.Lock()
	quit := h.quit
	h.mu.Unlock()
	h.leave(first)
	if rest := h.tell(quit); rest != 0 {
		t.Errorf("Without clients the hub rests %s", rest)
	}
	// As join leaves it, but without the goroutine that would take the messages away.
	second := &client{messages: make(chan []byte, backlog), gone: make(chan struct{})}
	h.mu.Lock()
	h.clients[second], h.running, h.quit = true, true, make(chan struct{})
	h.mu.Unlock()
	b.happen("something")
	h.tell(quit)
	if n := len(second.messages); n != 0 || second.after != 0 {
		t.Errorf("The hub of before told the client %d messages, up to event %d", n, second.after)
	}
	h.leave(second)
}

// broken is a Backend of which nothing can be known.
type broken struct{ fake }

func (*broken) Status() api.Status { panic("no status") }

// What tells streams is a goroutine of its own, where a panic would end the process, and answers with it.
func TestAHubSurvivesAPanic(t *testing.T) {
	var survived any
	h := hub{backend: &broken{}, panicked: func(value any) { survived = value }}
	if rest := h.tell(make(chan struct{})); rest != pause || survived != "no status" {
		t.Errorf("The hub rests %s and has survived %v", rest, survived)
	}
}
