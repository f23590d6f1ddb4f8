package probe

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// StatusCodes is a set of HTTP status codes (statement H06). It is comparable.
type StatusCodes struct {
	bits [maxStatus/64 + 1]uint64
}

// The codes that can be named.
const (
	minStatus = 100
	maxStatus = 599
)

// ParseStatusCodes reads a comma-separated list of codes and ranges, "200,204-206". Every code lies within 100..599.
func ParseStatusCodes(text string) (StatusCodes, error) {
	var set StatusCodes
	for item := range strings.SplitSeq(text, ",") {
		first, last, isRange := strings.Cut(item, "-")
		from, err := parseStatusCode(first)
		if err != nil {
			return StatusCodes{}, err
		}
		to := from
		if isRange {
			if to, err = parseStatusCode(last); err != nil {
				return StatusCodes{}, err
			}
		}
		if to < from {
			return StatusCodes{}, fmt.Errorf("range %q ends before it begins", item)
		}
		for code := from; code <= to; code++ {
			set.add(code)
		}
	}
	return set, nil
}

// parseStatusCode reads one code of exactly three digits.
func parseStatusCode(text string) (int, error) {
	if text == "" {
		return 0, errors.New("empty HTTP status")
	}
	code, err := strconv.ParseUint(text, 10, 16)
	if err != nil || len(text) != 3 || code < minStatus || code > maxStatus {
		return 0, fmt.Errorf("%q is not an HTTP status of %d to %d", text, minStatus, maxStatus)
	}
	return int(code), nil
}

func (s *StatusCodes) add(code int) { s.bits[code/64] |= 1 << (code % 64) }

// Contains tells whether code is in the set.
func (s *StatusCodes) Contains(code int) bool {
	return code >= minStatus && code <= maxStatus && s.bits[code/64]>>(code%64)&1 == 1
}

// String is the canonical form of the set: ascending and with the fewest ranges, "200-399" or "200,204-206".
func (s *StatusCodes) String() string {
	var b strings.Builder
	for code := minStatus; code <= maxStatus; code++ {
		if !s.Contains(code) {
			continue
		}
		first := code
		for s.Contains(code + 1) {
			code++
		}
		if b.Len() > 0 {
			b.WriteByte(',')
		}
		b.WriteString(strconv.Itoa(first))
		if code > first {
			b.WriteByte('-')
			b.WriteString(strconv.Itoa(code))
		}
	}
	return b.String()
}
