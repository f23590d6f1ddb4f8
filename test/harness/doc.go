// Package harness is what the end-to-end tests share: the real binary as a process with a Corefile, clients that ask
// it, endpoints that its checks probe, and readers of its log and metrics. It sees the product as a user does and
// shares no code with it.
package harness
