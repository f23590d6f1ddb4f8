package term

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"strings"
)

// ErrNobody tells that there is nobody to ask.
var ErrNobody = errors.New("there is no terminal to ask at")

// Confirm asks a question that only "y" and "yes" say yes to. It ends with its context; then what is typed is lost.
func (t *Terminal) Confirm(ctx context.Context, question string) (bool, error) {
	if !t.Asks {
		return false, ErrNobody
	}
	t.clear()
	fmt.Fprintf(t.Err, "%s [y/N] ", question)
	answer := make(chan string, 1)
	go func() {
		line, _ := bufio.NewReader(t.In).ReadString('\n') // The end of the input says no.
		answer <- line
	}()
	select {
	case line := <-answer:
		line = strings.ToLower(strings.TrimSpace(line))
		return line == "y" || line == "yes", nil
	case <-ctx.Done():
		fmt.Fprintln(t.Err)
		return false, ctx.Err()
	}
}
