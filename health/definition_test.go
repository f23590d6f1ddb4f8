package health

import (
	"strings"
	"testing"
	"time"
)

func TestTimingValidate(t *testing.T) {
	for want, change := range map[string]func(*Timing){
		"":          func(*Timing) {},
		"interval:": func(t *Timing) { t.Interval = 0 },
		"timeout:":  func(t *Timing) { t.Timeout = time.Millisecond },
		"fast:":     func(t *Timing) { t.Fast = t.Interval + 1 },
		"fall: 0":   func(t *Timing) { t.Fall = 0 },
		"fall: 65":  func(t *Timing) { t.Fall = 65 },
		"fall: 3/2": func(t *Timing) { t.FallOf = 2 },
		"rise:":     func(t *Timing) { t.Rise = 65 },
	} {
		tm := timing
		change(&tm)
		if err := tm.Validate(); (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: error %v, want %q", tm, err, want)
		}
	}
}
