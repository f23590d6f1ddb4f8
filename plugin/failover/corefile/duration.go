package corefile

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// longestTTL keeps a TTL far below the 2^31-1 s of RFC 2181; resolvers cap theirs at a week or less anyway.
const longestTTL = 168 * time.Hour

// duration reads a Go duration between least and most.
func duration(text string, least, most time.Duration) (time.Duration, error) {
	d, err := time.ParseDuration(text)
	if err != nil {
		return 0, fmt.Errorf("%q is not a duration (a number with its unit, as in 10s)", text)
	}
	if d < least || d > most {
		return 0, fmt.Errorf("%q is not between %s and %s", text, short(least), short(most))
	}
	return d, nil
}

// days is duration, and understands whole days, as in 30d.
func days(text string, least, most time.Duration) (time.Duration, error) {
	if number, ok := strings.CutSuffix(text, "d"); ok {
		n, err := integer(number, 1, 36_500)
		d := time.Duration(n) * 24 * time.Hour
		if err != nil || d < least || d > most {
			return 0, fmt.Errorf("%q is not a whole number of days between 1d and %dd", text, most/(24*time.Hour))
		}
		return d, nil
	}
	return duration(text, least, most)
}

// short writes a duration as people do, 24h and not 24h0m0s.
func short(d time.Duration) string {
	switch {
	case d != 0 && d%time.Hour == 0:
		return strconv.FormatInt(int64(d/time.Hour), 10) + "h"
	case d != 0 && d%time.Minute == 0:
		return strconv.FormatInt(int64(d/time.Minute), 10) + "m"
	}
	return d.String()
}

// ttl reads SETTLED [UNSETTLED].
func ttl(words []string) (TTL, error) {
	if len(words) < 1 || len(words) > 2 {
		return TTL{}, errors.New("ttl takes one or two durations: settled and unsettled")
	}
	var seconds [2]uint32
	for i, word := range words {
		d, err := duration(word, 0, longestTTL)
		if err != nil {
			return TTL{}, fmt.Errorf("ttl: %w", err)
		}
		if d%time.Second != 0 {
			return TTL{}, fmt.Errorf("ttl: %q is not a whole number of seconds", word)
		}
		seconds[i] = uint32(d / time.Second) // #nosec G115 -- at most a week
	}
	if len(words) == 1 {
		seconds[1] = seconds[0]
	}
	if seconds[1] > seconds[0] {
		return TTL{}, fmt.Errorf("ttl: the unsettled %s is longer than the settled %s", words[1], words[0])
	}
	return TTL{Settled: seconds[0], Unsettled: seconds[1]}, nil
}

// integer reads a decimal number between least and most, without sign.
func integer(text string, least, most int) (int, error) {
	n, err := strconv.ParseUint(text, 10, 31)
	if err != nil || int(n) < least || int(n) > most {
		return 0, fmt.Errorf("%q is not a whole number between %d and %d", text, least, most)
	}
	return int(n), nil
}
