package term

import (
	"strconv"
	"strings"
	"time"
)

// Short is a length of time in two units at the most: "<1ms", "350ms", "4.2s", "12m5s", "3h4m", "2d3h".
func Short(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d < 0:
		return "0s"
	case 0 < d && d < time.Millisecond:
		return "<1ms"
	case d < time.Second:
		return d.Round(time.Millisecond).String()
	case d < time.Minute:
		return d.Round(100 * time.Millisecond).String()
	case d < time.Hour:
		return whole(d.Round(time.Second).String(), "m", "0s")
	case d < day:
		return whole(whole(d.Round(time.Minute).String(), "m", "0s"), "h", "0m")
	}
	hours := int(d / time.Hour)
	text := strconv.Itoa(hours/24) + "d"
	if hours%24 > 0 {
		text += strconv.Itoa(hours%24) + "h"
	}
	return text
}

// At is a time of day, with the date if that is not today's.
func At(t, now time.Time) string {
	t, now = t.Local(), now.Local()
	if t.YearDay() == now.YearDay() && t.Year() == now.Year() {
		return t.Format(time.TimeOnly)
	}
	return t.Format(time.DateTime)
}

// whole drops a zero that follows a unit.
func whole(text, unit, zero string) string {
	if strings.HasSuffix(text, unit+zero) {
		return strings.TrimSuffix(text, zero)
	}
	return text
}
