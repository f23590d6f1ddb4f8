//go:build unix && !linux

package probe

func isZombie(int) bool { return false }
