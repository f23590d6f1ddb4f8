// Package cluster follows the EndpointSlices of Kubernetes clusters, for checks of Services (statement C05). It makes
// the probers of the kind probe.Kubernetes; they probe nothing, but read what a watch has told.
//
// The parts, from the inside out:
//
//   - endpoints is what is kept of the slices of a namespace, and judges a Service by it.
//   - A feed keeps the endpoints of one namespace of one cluster up to date, with a Reflector of client-go. All checks
//     of that namespace share it.
//   - A server is the way to one API server: its credentials, its connections, and whether it is away. All feeds of the
//     cluster share it.
//   - Clusters has the feeds of the process by what they follow.
//
// Invariants:
//
//   - A feed runs from the first Watch of a prober to the stop of the last one. So one that is still wanted after a
//     reload goes on as it is. Without a Watch nothing runs at all.
//   - Neither Watch, nor its stop, nor Probe ever waits for an API server.
//   - The locks are taken in the order Clusters, feed, server, endpoints. None is held while files are read or an API
//     server is asked, nor over a call to a user.
//   - This is the only package that links client-go.
package cluster
