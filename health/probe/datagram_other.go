//go:build !linux

package probe

import "syscall"

// refusals are errors of a Read that only the network makes; of other systems nothing is known to be ambiguous.
var refusals []syscall.Errno

// reportRefusals does nothing: a connected socket tells of a closed port without being asked.
func reportRefusals(_, _ string, _ syscall.RawConn) error { return nil }
