// Package health runs health checks in the background and says what is known of each: unknown, healthy or unhealthy.
// It knows nothing of DNS answers, of the Corefile or of CoreDNS.
//
// The parts, from the inside out:
//
//   - Package probe makes single attempts: a Spec says what to ask of which endpoint, a Result what came of it. It
//     never retries and never keeps a connection.
//   - A Definition is plain comparable data: what to ask (probe.ID) and how results become a state (Timing).
//   - A Machine is the pure state machine of one check: results and times in, state out.
//   - The guard (guard.go) is a pure decision too: whether a check that is about to become unhealthy is to be believed,
//     or whether it is this process that is cut off. The vantage (vantage.go) collects the evidence for it.
//   - A Registry runs the checks. Users hold a Lease on a table of definitions; equal definitions are one running
//     check, whoever asked for it, and the last release stops it.
//   - An Expression combines the states of checks into one health, without probing.
//
// Invariants:
//
//   - One goroutine, the scheduler, runs while a Registry has anything to watch; one goroutine more runs for every
//     attempt in flight, and none for a check that waits for its turn. Without a lease nothing runs at all.
//   - At most one attempt of a check is in flight, so a Prober needs no locks of its own. An attempt that ignores the
//     end of its context is counted once, loses its slot, and keeps its check from being started until it returns.
//   - Everything in a Registry, its monitors, its gates and its vantage belongs to the Registry's mutex, with two
//     exceptions: the published Status of a monitor is an immutable value behind an atomic pointer, and what a Lease has
//     not yet told its user belongs to the Lease's own mutex. The order is Registry, then Lease. No lock is held while
//     probing, while reading files or while calling the Observer.
//   - A Lease may be used from any goroutine. Acquire, Release and all methods of a Lease never wait for the network.
//   - Definitions and Expressions are never changed once they have been handed over.
package health
