//go:build !linux

// Command benchchecks measures what checks cost. It needs Linux, since it reads /proc and pins processes to cores.
package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Fprintln(os.Stderr, "benchchecks: it needs Linux")
	os.Exit(1)
}
