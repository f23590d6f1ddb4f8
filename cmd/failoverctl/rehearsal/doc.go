// Package rehearsal makes a drill and watches it from outside: the primary of a failover set is forced down, real DNS
// answers are watched until they have moved, it is restored, and they are watched until they are back.
//
// Whatever happens after the server was asked to begin, it is asked to end: when the answers do not move, when the user
// or the system ends the program, when the question whether it has begun got no answer. If even that fails, or the
// program is killed, the server ends the drill by itself when its time is over.
package rehearsal
