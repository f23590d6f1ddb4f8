// Package failover is a CoreDNS plugin that answers DNS by health: primary and secondary, weighted and multivalue
// record sets, nested as one likes, declared in the Corefile and judged by health checks that run in the background.
//
// The package holds what ties the parts together: the life cycle, the path of a query, and what an operator sees. The
// language is package corefile, the answers are package zone, what to answer is package policy, and the checks are
// package health.
//
// Invariants:
//   - A query takes no lock, waits for nothing and allocates only its reply, except to follow a CNAME out of the zones
//     and to copy records for a wildcard or for capital letters.
//   - There is one handler a server block, with all its stanzas. Nothing starts before OnStartup.
//   - Replies are fresh for every query and never reused, since writers above keep them; the records in them are shared.
package failover
