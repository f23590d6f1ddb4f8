// Command endpoint is a target for health checks to try failover with: it answers every GET with 200 and says so on
// standard output. Start it and the answer moves to the primary, stop it (Ctrl-C) and the answer moves away.
package main

import (
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"time"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:8081", "address and port to listen on")
	flag.Parse()
	log.SetFlags(log.Ltime)

	l, err := net.Listen("tcp", *listen)
	if err != nil {
		log.Fatal(err)
	}
	log.Printf("healthy on http://%s/healthz, Ctrl-C to fail", l.Addr())

	server := http.Server{Handler: http.HandlerFunc(answer), ReadHeaderTimeout: 5 * time.Second}
	if err := server.Serve(l); err != nil {
		log.Print(err)
		os.Exit(1)
	}
}

func answer(w http.ResponseWriter, r *http.Request) {
	log.Printf("%s %s from %s: 200", r.Method, r.URL.Path, r.RemoteAddr)
	fmt.Fprintln(w, "ok")
}
