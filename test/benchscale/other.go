//go:build !linux

// Command benchscale measures what large configurations cost. It needs Linux, since it reads /proc and pins processes to cores.
package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Fprintln(os.Stderr, "benchscale: it needs Linux")
	os.Exit(1)
}
