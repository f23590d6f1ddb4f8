package harness

import (
	"bytes"
	"strings"
	"sync"
)

// LogBuffer keeps what a process writes.
type LogBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *LogBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *LogBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// Count returns how often any of the texts is in the log.
func (b *LogBuffer) Count(texts ...string) int {
	output, n := b.String(), 0
	for _, text := range texts {
		n += strings.Count(output, text)
	}
	return n
}

// Lines returns the lines of the log that hold all the texts.
func (b *LogBuffer) Lines(texts ...string) []string {
	var found []string
next:
	for line := range strings.Lines(b.String()) {
		for _, text := range texts {
			if !strings.Contains(line, text) {
				continue next
			}
		}
		found = append(found, strings.TrimSpace(line))
	}
	return found
}
