// Package judge lets others judge the answers: the file plugin of the same CoreDNS, the probes of RFC 8906, and
// programs out of Debian's packages. What needs a common package only is part of `make test`; `make judge` runs all of
// them and prints a table of the verdicts. It holds tests only.
package judge
