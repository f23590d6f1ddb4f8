// Package kube runs the plugin against a real Kubernetes API server: test/plane, which is one in a single process.
// `make test-kube` builds what the tests run and says where it is; without that they fail.
//
// The tests are tagged kube, need Linux and root, and run in network, mount and process namespaces of their own. So they
// have the well-known ports and the addresses of services to themselves, nothing that they send leaves the machine, and
// nothing that they start outlives them. There, 10.96.0.1 (the API server of Lab) and 10.96.0.10 (the cluster's DNS) are
// addresses of the loopback, and /etc/resolv.conf names a server that cannot be reached.
//
// A test takes the plane that all share, Shared, and makes a Namespace of its own in it; a test that needs the names and
// the addresses which a cluster has once takes a Lab, and one that breaks the API server takes a NewPlane. Tests run one
// after the other; but those that wait more than they work, and have all their ports from harness.FreePort, are parallel.
package kube
