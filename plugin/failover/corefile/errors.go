package corefile

import (
	"fmt"
	"strconv"
)

// String returns the place as the errors of CoreDNS write it, "FILE:LINE".
func (p Pos) String() string { return p.File + ":" + strconv.Itoa(p.Line) }

// errorf returns an error about what stands at p, as "FILE:LINE - MESSAGE".
func (p Pos) errorf(format string, args ...any) error {
	return fmt.Errorf("%s - %w", p, fmt.Errorf(format, args...))
}

// other names a second place in an error about p; the file is told only where it differs, as after an import.
func (p Pos) other(second Pos) string {
	if second.File == p.File {
		return "line " + strconv.Itoa(second.Line)
	}
	return second.String()
}
