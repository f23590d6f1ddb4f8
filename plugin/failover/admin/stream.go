package admin

import (
	"net/http"
	"strconv"
	"time"
)

// stream sends events until the client goes, reads too slowly, or the address is closed.
func (s *Servers) stream(c *call) error {
	after := c.query.number("after", s.Backend.Events(0, 0).Last, 1<<63)
	if c.query.err != nil {
		return c.query.err
	}
	// A browser that connects again says what it has seen.
	if seen, err := strconv.ParseUint(c.r.Header.Get("Last-Event-ID"), 10, 64); err == nil {
		after = seen
	}
	if !s.gates.stream() {
		c.w.Header().Set("Retry-After", "10")
		return &Refusal{Status: http.StatusServiceUnavailable, Text: "there are as many streams as there may be"}
	}
	defer s.gates.unstream()
	control := http.NewResponseController(c.w)
	if err := control.SetReadDeadline(time.Time{}); err != nil { // it would end the stream
		return err
	}
	client, missed := s.hub.join(c.site, after)
	defer s.hub.leave(client)
	c.w.Header().Set("Content-Type", "text/event-stream")
	c.w.WriteHeader(http.StatusOK)
	first := frame("status", 0, s.hub.status(false))
	for i := range missed {
		first = append(first, journalFrame(&missed[i])...)
	}
	for message := first; ; {
		// A message that takes longer than this has a client that does not read.
		if err := control.SetWriteDeadline(time.Now().Add(s.timeouts.write)); err != nil {
			return nil
		}
		if _, err := c.w.Write(message); err != nil {
			return nil
		}
		if err := control.Flush(); err != nil {
			return nil
		}
		select {
		case <-c.r.Context().Done():
			return nil
		case <-client.gone:
			return nil
		case message = <-client.messages:
		}
	}
}
