// Package admin serves the admin API over HTTP: who may ask, what can be asked, and how an answer looks. What the answers
// are is the Backend's, whose data package api describes.
//
// Invariants:
//
//   - Servers belong to the process. Every user of a Line has a Lease on it; equal addresses are one listener, on which
//     the newest lease says who may come in, and the last release closes it. So a reload drops no connection.
//   - Nothing runs without a lease. Connections, streams, what is read of a request and the time for everything are bounded.
//   - No answer, error or log line has anything of a token.
//   - A Backend never waits for clients.
package admin
