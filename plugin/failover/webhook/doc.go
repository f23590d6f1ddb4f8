// Package webhook tells others what happens: it posts the events of the journal to the receivers that the configuration
// names.
//
// Each receiver has one goroutine that owns all that is known of it: the events that are held back since something
// flaps, the queue, and what the receiver believes to be wrong. An attempt runs in a goroutine of its own, one at a time,
// for a bounded time. Nobody ever waits for a receiver but that goroutine: the journal gives it a signal and goes on.
//
// What is promised, whatever the receiver does: of each thing (a check, a record set, a manual state) the last state is
// told as soon as the receiver takes it, and in order. What came before may be left out when there is too much of it, and
// is counted.
package webhook
