//go:build linux

package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"
)

// Pprof is the address of a server's pprof plugin.
type Pprof string

// Goroutines is how many there are. It is asked of pprof, which counts them at next to no cost, while the prometheus
// plugin would collect all series for it.
func (p Pprof) Goroutines(ctx context.Context) (int, error) {
	body, err := Get(ctx, "http://"+string(p)+"/debug/pprof/goroutine?debug=1")
	if err != nil {
		return 0, err
	}
	var n int
	if _, err := fmt.Sscanf(string(body), "goroutine profile: total %d", &n); err != nil {
		return 0, fmt.Errorf("the profile of goroutines: %w", err)
	}
	return n, nil
}

// Heap is the live heap in bytes, after a collection.
func (p Pprof) Heap(ctx context.Context) (float64, error) {
	body, err := Get(ctx, "http://"+string(p)+"/debug/pprof/heap?gc=1&debug=1")
	if err != nil {
		return 0, err
	}
	return Value(string(body), "# HeapAlloc = ")
}

// Fill has the server make garbage until that has been collected twice. One that has nothing to do would not use the room
// that the collector gives it, and seem smaller beside one that does.
func (p Pprof) Fill(ctx context.Context) error {
	first := -1.0
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); {
		body, err := Get(ctx, "http://"+string(p)+"/debug/pprof/heap?debug=1")
		if err != nil {
			return err
		}
		count, err := Value(string(body), "# NumGC = ")
		switch {
		case err != nil:
			return err
		case first < 0:
			first = count
		case count >= first+2:
			return nil
		}
	}
	return nil // it has had its time, and needs little more than that
}

// Profile writes a profile into a file.
func (p Pprof) Profile(ctx context.Context, query, path string) error {
	body, err := Get(ctx, "http://"+string(p)+"/debug/pprof/"+query)
	if err != nil {
		return err
	}
	return os.WriteFile(path, body, 0o600)
}

var (
	// ErrNoAnswer is a question that the server did not answer in time.
	ErrNoAnswer = errors.New("no answer")
	// ErrNoValue is a name that is not in a text.
	ErrNoValue = errors.New("is not there")
)

// Value finds the number behind a name at the beginning of a line.
func Value(text, name string) (float64, error) {
	for line := range strings.Lines(text) {
		if number, ok := strings.CutPrefix(line, name); ok {
			return strconv.ParseFloat(strings.TrimSpace(number), 64)
		}
	}
	return 0, fmt.Errorf("%q %w", strings.TrimSpace(name), ErrNoValue)
}

// Get asks with a fresh connection, so that none stays open in the server between two questions. CoreDNS breaks off an
// answer that takes longer than 5 s.
func Get(ctx context.Context, address string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return nil, err
	}
	request.Close = true
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoAnswer, err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, errors.New(address + ": " + response.Status)
	}
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, fmt.Errorf("%w: reading %s: %w", ErrNoAnswer, address, err)
	}
	return body, nil
}
