package health

import "time"

// lateness is the worst delay of each of the last seconds.
type lateness struct {
	seconds [60]struct {
		second int64
		worst  time.Duration
	}
}

// add notes that something which was to be done at due was done at now.
func (l *lateness) add(due, now time.Duration) {
	second := int64(now / time.Second)
	slot := &l.seconds[second%int64(len(l.seconds))]
	if slot.second != second {
		slot.second, slot.worst = second, 0
	}
	slot.worst = max(slot.worst, now-due)
}

// worst is the worst delay between two times, of which no more than the last minute is known.
func (l *lateness) worst(from, to time.Duration) time.Duration {
	var worst time.Duration
	for i := range l.seconds {
		slot := &l.seconds[i] // a copy of them all would be a kilobyte of stack
		if slot.second >= int64(from/time.Second) && slot.second <= int64(to/time.Second) {
			worst = max(worst, slot.worst)
		}
	}
	return worst
}

// stopped is how long this process stood still between two looks at the clocks that should have been planned apart, 0
// if it did not (statement H18). A stopped process (SIGSTOP, a debugger, a frozen cgroup) sees its monotonic clock go
// on; on a suspended machine that one stands still as well and only the wall clock shows it. A wall clock that is set
// back means nothing.
func stopped(planned, monotonic, wall time.Duration) time.Duration {
	const notice = 3 * time.Second
	if gap := max(monotonic-planned, wall-monotonic); gap >= notice {
		return gap
	}
	return 0
}
