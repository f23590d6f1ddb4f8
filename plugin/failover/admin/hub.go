package admin

import (
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"github.com/seed-a19ac2b6/failover/plugin/failover/api"
)

const (
	// heartbeat is how often a stream tells the status at least.
	heartbeat = 15 * time.Second
	// pause is the least time between two messages of a stream, and pausePerClient is added for every client: to write to
	// a thousand connections takes 30 ms of the processor, which belongs to queries, so less than a hundredth of them come
	// meanwhile. A page is to show a failover within two seconds, and does with five hundred others.
	pause          = 100 * time.Millisecond
	pausePerClient = 3 * time.Millisecond
	// statusAge is how old a status may be that is given to somebody who asks; and it may be statusCost times the time
	// that it has taken. To count hundreds of thousands of checks takes milliseconds, and there may be a thousand who ask.
	statusAge  = 500 * time.Millisecond
	statusCost = 50
	// backlog is how many messages wait for a client that does not read; then it is dropped.
	backlog = 16
)

// hub makes the messages of streams, each once for all clients. It runs while there are clients.
type hub struct {
	backend Backend
	// panicked is told the value of a panic that was survived, from within the panic.
	panicked func(value any)

	mu      sync.Mutex
	clients map[*client]bool
	running bool
	quit    chan struct{} // closed when the last client has gone

	counting sync.Mutex // while a status is made
	counted  time.Time
	took     time.Duration
	text     []byte // the status of then
}

// client is a stream.
type client struct {
	site     *site
	messages chan []byte
	after    uint64        // the last event that it has; the hub's
	gone     chan struct{} // closed when it is dropped
	dropped  bool          // under the hub's lock
}

// status gives the JSON of a Status, of now or of not long ago. It is not to be changed.
func (h *hub) status(ofNow bool) []byte {
	h.counting.Lock()
	defer h.counting.Unlock()
	age := max(statusAge, statusCost*h.took)
	if ofNow {
		age -= statusAge
	}
	if began := time.Now(); h.text == nil || began.Sub(h.counted) >= age {
		text, err := json.Marshal(h.backend.Status())
		if err != nil {
			return []byte("{}")
		}
		h.text, h.counted, h.took = text, began, time.Since(began)
	}
	return h.text
}

// outdate has the next status counted anew: who has changed something looks at what became of it.
func (h *hub) outdate() {
	h.counting.Lock()
	defer h.counting.Unlock()
	h.text = nil
}

// join adds a client that has seen the events until after, and gives what it has missed.
func (h *hub) join(at *site, after uint64) (*client, []api.Event) {
	c := &client{site: at, messages: make(chan []byte, backlog), gone: make(chan struct{})}
	h.mu.Lock()
	defer h.mu.Unlock()
	// Under the lock: what happens later wakes the hub when it knows this client.
	missed := h.backend.Events(after, eventsMost)
	c.after = missed.Last
	if h.clients == nil {
		h.clients = make(map[*client]bool)
	}
	h.clients[c] = true
	if !h.running {
		h.running, h.quit = true, make(chan struct{})
		news, stop := h.backend.News()
		go h.run(news, stop, h.quit)
	}
	return c, missed.Events
}

// leave forgets a client.
func (h *hub) leave(c *client) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.drop(c)
}

func (h *hub) drop(c *client) {
	if !c.dropped {
		c.dropped = true
		close(c.gone)
	}
	delete(h.clients, c)
	if len(h.clients) == 0 && h.running {
		h.running = false
		close(h.quit)
	}
}

// dismiss drops the clients of a site.
func (h *hub) dismiss(at *site) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for c := range h.clients {
		if c.site == at {
			h.drop(c)
		}
	}
}

// run tells all clients what is new.
func (h *hub) run(news <-chan struct{}, stop func(), quit <-chan struct{}) {
	defer stop()
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	for {
		select {
		case <-quit:
			return
		case <-news:
		case <-beat.C:
		}
		rest := h.tell(quit)
		select {
		case <-quit:
			return
		case <-time.After(rest):
		}
	}
}

// portion is how many clients are written to at a time. Each is a goroutine that wakes, and a query that comes meanwhile
// waits behind all of them.
const portion = 3

// tell sends what is new and gives how long to rest. A panic costs the clients a message, and the server nothing.
func (h *hub) tell(quit <-chan struct{}) (rest time.Duration) {
	defer func() {
		if value := recover(); value != nil {
			h.panicked(value)
			rest = pause
		}
	}()
	status := frame("status", 0, h.status(true))
	h.mu.Lock()
	select {
	case <-quit: // the clients of now, if there are any, are another's to tell
		h.mu.Unlock()
		return 0
	default:
	}
	clients := make([]*client, 0, len(h.clients))
	oldest := ^uint64(0)
	for c := range h.clients {
		clients = append(clients, c)
		oldest = min(oldest, c.after)
	}
	h.mu.Unlock()
	events := h.backend.Events(oldest, eventsMost)
	frames := make([][]byte, len(events.Events))
	for i := range events.Events {
		frames[i] = journalFrame(&events.Events[i])
	}
	// Nearly all clients lack the same events.
	same, message := ^uint64(0), []byte(nil)
	rest = pause + time.Duration(len(clients))*pausePerClient
	for i, c := range clients {
		if c.after != same {
			same, message = c.after, nil
			for j, e := range events.Events {
				if e.Seq > c.after {
					message = append(message, frames[j]...)
				}
			}
			message = append(message, status...)
		}
		if len(events.Events) > 0 {
			c.after = max(c.after, events.Events[len(events.Events)-1].Seq)
		}
		select {
		case c.messages <- message:
		default:
			h.leave(c)
		}
		if i%portion == portion-1 {
			share := rest * 3 / 4 * portion / time.Duration(len(clients))
			select {
			case <-quit:
				return 0
			case <-time.After(share):
			}
		}
	}
	return rest / 4
}

func journalFrame(e *api.Event) []byte {
	text, err := json.Marshal(e)
	if err != nil {
		return nil
	}
	return frame("journal", e.Seq, text)
}

// frame is an event of a stream as the HTML standard has it.
func frame(kind string, id uint64, text []byte) []byte {
	if id != 0 {
		return fmt.Appendf(nil, "event: %s\nid: %d\ndata: %s\n\n", kind, id, text)
	}
	return fmt.Appendf(nil, "event: %s\ndata: %s\n\n", kind, text)
}
