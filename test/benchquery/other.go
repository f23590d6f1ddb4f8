//go:build !linux

// Command benchquery measures what an answer costs. It needs Linux, since it reads /proc and pins processes to cores.
package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Fprintln(os.Stderr, "benchquery: it needs Linux")
	os.Exit(1)
}
