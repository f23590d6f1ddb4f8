package cluster

import "k8s.io/klog/v2"

// quiet is a logger that says nothing. What goes wrong is told once, as a Notice, and stands in the results.
var quiet klog.Logger

// client-go writes to the standard error by a logger of its own wherever nobody has set another one, in a format that
// is not that of the program. The kubernetes plugin of CoreDNS sets its own when it is set up, which takes the place of
// this one.
func init() { klog.SetLogger(quiet) }
