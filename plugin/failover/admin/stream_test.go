package admin

import (
	"bufio"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// listenTo opens a stream.
func (fx *fixture) listenTo(query string) *bufio.Reader {
	fx.t.Helper()
	c, reader := fx.raw("GET /v1/stream" + query + " HTTP/1.1\r\nHost: localhost\r\n\r\n")
	answer, err := http.ReadResponse(reader, nil)
	if err != nil {
		fx.t.Fatal(err)
	}
	fx.t.Cleanup(func() {
		_ = c.Close() // first, or the other would read on
		_ = answer.Body.Close()
	})
	if answer.StatusCode != http.StatusOK || answer.Header.Get("Content-Type") != "text/event-stream" {
		fx.t.Fatalf("%s %v", answer.Status, answer.Header)
	}
	return bufio.NewReader(answer.Body)
}

// hear reads a stream until a message has the text, and returns what came before.
func hear(t *testing.T, r *bufio.Reader, text string) string {
	t.Helper()
	var before strings.Builder
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			t.Fatalf("%v before %q came; what came is\n%s", err, text, before.String())
		}
		before.WriteString(line)
		if strings.Contains(line, text) {
			return before.String()
		}
	}
}

func TestStream(t *testing.T) {
	fx := open(t, Line{Local: true})
	fx.backend.happen("first")
	fx.backend.happen("second")
	all, new, later := fx.listenTo("?after=0"), fx.listenTo(""), fx.listenTo("?after=1")
	hear(t, all, `"text":"first"`)
	hear(t, all, `"text":"second"`)
	hear(t, later, `"text":"second"`)
	if before := hear(t, new, "event: status"); strings.Contains(before, "second") {
		t.Errorf("A stream began with what is over:\n%s", before)
	}
	for i := range 100 {
		fx.backend.happen(fmt.Sprintf("number %d of many", i))
	}
	for _, r := range []*bufio.Reader{all, new, later} {
		heard := hear(t, r, `"text":"number 99 of many"`)
		if strings.Contains(heard, `"text":"first"`) {
			t.Error("What a stream began with came again")
		}
		for i := range 100 {
			if n := strings.Count(heard, fmt.Sprintf(`"text":"number %d of many"`, i)); n != 1 {
				t.Fatalf("Event %d came %d times", i, n)
			}
		}
		hear(t, r, `"event":102`) // the status of after
	}
}

func TestManyStreams(t *testing.T) {
	const clients = 300
	fx := open(t, Line{Local: true})
	fx.backend.happen("first")
	readers := make([]*bufio.Reader, clients)
	for i := range readers {
		readers[i] = fx.listenTo("?after=1")
	}
	fx.backend.happen("second")
	began := time.Now()
	for _, r := range readers {
		hear(t, r, `"text":"second"`)
	}
	took := time.Since(began)
	fx.backend.mu.Lock()
	defer fx.backend.mu.Unlock()
	t.Logf("All heard within %s; the status was made %d times", took, fx.backend.status)
	if fx.backend.status > 100 {
		t.Errorf("For %d clients the status was made %d times", clients, fx.backend.status)
	}
}

func TestStreamsAreBounded(t *testing.T) {
	fx := open(t, Line{Local: true})
	fx.servers.gates.streams.Store(maxStreams)
	fx.want(http.StatusServiceUnavailable, "GET /v1/stream")
}

// Who does not read is dropped, and holds up nobody.
func TestASlowReaderIsDropped(t *testing.T) {
	fx := open(t, Line{Local: true})
	_, _ = fx.raw("GET /v1/stream HTTP/1.1\r\nHost: localhost\r\n\r\n") // never read
	quick := fx.listenTo("")
	deadline := time.Now().Add(30 * time.Second)
	for i := 0; fx.servers.gates.streams.Load() != 1; i++ {
		if time.Now().After(deadline) {
			t.Fatal("It is not dropped")
		}
		fx.backend.happen(fmt.Sprintf("%d of much: %s", i, strings.Repeat("x", 1<<20)))
		hear(t, quick, fmt.Sprintf(`"text":"%d of much`, i))
	}
}
