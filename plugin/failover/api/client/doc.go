// Package client asks the admin API of a server. A Client may be used by many goroutines at once and keeps nothing but
// idle connections. Every call ends with its context, and all but Stream after Options.Timeout at the latest.
//
// A call fails with an *Unreachable when there was no answer of an admin API at all, with a *Refused when there was one
// that says no, and with the context's error when that has ended.
package client
