package health

import "time"

// The guard keeps a fault on our own side from taking healthy targets down (statements H14, H17, H18). Before a check
// becomes unhealthy it asks for a sign that this process can still see the world: evidence. Without such a sign the
// fall is held back; the check keeps its state and goes on to be probed. Nothing that becomes healthy is ever held.

// verdict is what the guard says of a check that is about to become unhealthy.
type verdict uint8

const (
	fall     verdict = iota // it is the target
	suspect                 // not known yet: the fall waits
	doubt                   // it may have been us, but is not any more: one more failure, of an attempt from now on, is waited for
	isolated                // it is us: the fall waits, and everybody is told
)

const (
	// guardedHosts and guardedNetworks are how many different hosts, in how many different networks, must be failing for
	// it to be more likely that it is us, where no canary can be asked. A pair of servers in one rack does fail together.
	guardedHosts    = 4
	guardedNetworks = 2
	// longestHold bounds how long falls are held back on no more than suspicion.
	longestHold = time.Minute
)

// evidence is what is known when a check is about to become unhealthy. "Since" means since the first of its failures was
// seen.
type evidence struct {
	// unverified tells that this process has been stopped and that not everything has been probed since.
	unverified bool
	// here tells that being cut off is no excuse: it looks at this machine, or is a canary.
	here bool
	// canaries is how many canaries there are.
	canaries int
	// canaryPassed tells that one of them has passed since, and not failed again; canariesFailed that all of them failed
	// last.
	canaryPassed, canariesFailed bool
	// canariesWereOut tells that all of them have failed since, whatever came later.
	canariesWereOut bool
	// otherPassed tells that another host has answered since. Loopback is not a host here: it answers always.
	otherPassed bool
	// proven tells that its last failure is of an attempt that began after there was doubt.
	proven bool
	// overdue tells that the fall has been held back for longestHold, or for what it takes to fall twice if that is less.
	overdue bool
	survey  func() survey
}

// survey counts the hosts that were not unhealthy before.
type survey struct {
	hosts    int // all of them
	networks int // different ones among them
	passing  int // hosts of which a check has passed since
	failing  int // hosts of which every check failed last
	failed   int // hosts of which a check has failed since, whatever came later
}

// judge decides. With canaries it is us when they all fail and most hosts do; without, when every single host does.
//
//	unverified  overdue  here
//	yes         no       any   suspect
//	yes         yes      yes   fall
//	no          any      yes   fall
//
// Else it is for the others to tell:
//
//	canaries  canary passed  most hosts passed  all canaries failed,   overdue
//	                                            most hosts fail
//	yes       yes            any                any                    any      fall (*)
//	yes       no             yes                any                    any      fall (*)
//	yes       no             no                 yes                    any      isolated
//	yes       no             no                 no                     yes      fall
//	yes       no             no                 no                     no       suspect
//
//	canaries  another host   fewer than 4 hosts  every host  overdue
//	          passed         or 2 networks       fails
//	no        yes            any                 any         any     fall (*)
//	no        no             yes                 any         any     fall
//	no        no             no                  any         yes     fall
//	no        no             no                  yes         no      isolated
//	no        no             no                  no          no      suspect
//
// (*) The sign may have come when a short cut was over, and the failures be from before: where all canaries have failed
// since, or without canaries several hosts that are more than an eighth of 4 or more in 2 or more networks, it is doubt
// until the fall is proven or overdue.
func (e evidence) judge() verdict {
	switch {
	case e.unverified && !e.overdue:
		return suspect
	case e.here, e.canaries == 0 && e.overdue:
		return fall
	case e.canaries > 0 && e.canaryPassed:
		return e.believe(e.canariesWereOut)
	case e.canaries == 0 && e.otherPassed && e.proven:
		return fall
	}
	s := e.survey()
	if e.canaries > 0 {
		switch {
		case s.mostPassed():
			return e.believe(e.canariesWereOut)
		case e.canariesFailed && s.mostFail():
			return isolated
		case e.overdue:
			return fall
		}
		return suspect
	}
	switch {
	case s.hosts < guardedHosts || s.networks < guardedNetworks:
		return fall
	case e.otherPassed:
		return e.believe(s.failed > 1 && 8*s.failed > s.hosts)
	case s.failing == s.hosts:
		return isolated
	}
	return suspect
}

// sees tells whether there is a sign that this process is not cut off.
func (e evidence) sees() bool {
	if e.canaries == 0 {
		return e.otherPassed
	}
	return e.canaryPassed || e.survey().mostPassed()
}

// mostPassed tells so of hosts. The only one is not most of them.
func (s survey) mostPassed() bool { return s.hosts > 1 && 2*s.passing >= s.hosts }

// mostFail tells so of hosts.
func (s survey) mostFail() bool { return 2*s.failing > s.hosts }

// believe judges where there is a sign that this process sees the world, but maybe did not a moment ago.
func (e evidence) believe(wasOut bool) verdict {
	if wasOut && !e.proven && !e.overdue {
		return doubt
	}
	return fall
}

// patience is how long the fall of a check by the Timing t is held back on suspicion.
func patience(t Timing) time.Duration {
	return min(2*time.Duration(t.Fall)*t.Interval, longestHold)
}
