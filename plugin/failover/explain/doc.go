// Package explain tells how an answer comes about: which zone, name and record set a question leads to, what became of
// each record of the set and why, and what can be answered with which odds. It reads the last known health, or one that
// is assumed, and changes nothing. It decides nothing either: what is answered is the policy's decision, and what the
// handler does with a name is here in its order, which a test compares with the handler. What comes of it is plain data
// (package api), with lines for people.
package explain
