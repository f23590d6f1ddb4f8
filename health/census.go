package health

import (
	"slices"
	"time"
)

// census says when hosts passed and failed last, so that a survey for any moment can be made from it: it is counted
// seldom, since that means to look at every check, and asked for every check whose fall is held back.
type census struct {
	hosts, networks int

	// Each has one time a host and is sorted.
	passed  []time.Duration // the last pass
	failed  []time.Duration // the last failure
	failing []time.Duration // the last pass of those that have a check which failed last
}

// hostView is what the checks of one host say.
type hostView struct {
	away, failing  bool
	passed, failed time.Duration
}

// since is the survey of what hosts have passed since one moment, and which have failed since another. To count a pass
// from before the failures that are to be judged would be to believe that all is well from a time when it was.
func (c census) since(passed, failed time.Duration) survey {
	from := func(times []time.Duration, at time.Duration) int {
		i, _ := slices.BinarySearch(times, at)
		return len(times) - i
	}
	return survey{
		hosts: c.hosts, networks: c.networks,
		passing: from(c.passed, passed),
		failing: len(c.failing) - from(c.failing, passed),
		failed:  from(c.failed, failed),
	}
}

// add counts a host.
func (c *census) add(view hostView) {
	c.hosts++
	c.passed = append(c.passed, view.passed)
	c.failed = append(c.failed, view.failed)
	if view.failing {
		c.failing = append(c.failing, view.passed)
	}
}

// look takes the census. Where there are hosts off this machine, those on it are left out.
func (r *Registry) look(now time.Duration) census {
	v := &r.vantage
	if v.census.hosts > 0 && now-v.counted < censusAge {
		return v.census
	}
	hosts := make(map[string]hostView, v.census.hosts)
	for m := range r.all() {
		host := m.probe.Host()
		if host == "" || m.canary > 0 || m.machine.State() == Unhealthy {
			continue
		}
		view, known := hosts[host]
		if !known {
			view = hostView{passed: -1, failed: -1}
		}
		view.away = v.away(m)
		view.failing = view.failing || m.failingSince >= 0
		view.passed, view.failed = max(view.passed, m.passed), max(view.failed, m.failed)
		hosts[host] = view
	}
	var local, remote census
	networks := map[string]bool{}
	for host, view := range hosts {
		if view.away {
			remote.add(view)
			networks[networkOf(host)] = true
		} else {
			local.add(view)
		}
	}
	remote.networks = len(networks)
	v.census, v.counted = local, now
	if remote.hosts > 0 {
		v.census = remote
	}
	for _, times := range [...][]time.Duration{v.census.passed, v.census.failed, v.census.failing} {
		slices.Sort(times)
	}
	return v.census
}
