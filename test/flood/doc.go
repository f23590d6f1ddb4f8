// Package flood asks a server as fast as it answers, while the health of what it answers is changed as fast as one
// likes, and judges every single answer: it must have been right at some moment between the question and the answer,
// or a while before, which is the time that a change takes to be noticed.
package flood
