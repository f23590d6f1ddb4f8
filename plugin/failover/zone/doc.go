// Package zone holds what a server block answers: its zones, the names in them, and for every record set the answer
// that stands until health changes.
//
// Two sides use it. Queries call Index.Match, Node and Answer methods: they take no lock, write nothing shared and
// allocate nothing. One goroutine, the evaluator of the plugin, calls Start and Update: those ask package policy for
// plans, turn them into ready records and publish them with atomic stores. What is published is never changed again,
// and every published slice has cap == len, because writers above the plugin append to the sections of a reply.
package zone
