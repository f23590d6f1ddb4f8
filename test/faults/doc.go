// Package faults holds the end-to-end tests in which our own side breaks: the network, the resolver, the machine's
// time, descriptors, ports and processor, and the process itself. Whatever it is, a target that is well must never be
// taken down by it. The tests are named after the rows of the failure matrix, F01 and on; the rows that are not here are
// unit tests of the packages that they are about. Pings are here too, since on the loopback none can be made to fail.
//
// The tests run in a network namespace of their own, without root where the system lets users make one: the test binary
// runs itself again in it. What stands for the rest of the world is a second namespace, joined to it by a cable that a
// test can pull. With FAULTS_FULL=1 they take the time and the numbers of the matrix, otherwise shorter ones.
package faults
