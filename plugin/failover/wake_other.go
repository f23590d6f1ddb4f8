//go:build !linux

package failover

// wakeThreads does nothing: a single thread can be signalled on Linux only.
func wakeThreads() {}
