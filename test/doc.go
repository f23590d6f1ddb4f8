// Package test holds the end-to-end tests: the real binary, real sockets on the loopback, real HTTP servers as targets.
// It sees the product as a user does and shares no helper with it, so that a mistake in one cannot hide in both. The
// programs below it, endpoint and watch, are those of the README's demonstration; harness runs and asks the binary, and
// faults has the tests in which our own side breaks.
package test
