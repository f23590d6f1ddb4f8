// Command plane is a Kubernetes control plane in one process, for tests: an embedded etcd, the real kube-apiserver, and
// the controllers that what reads EndpointSlices depends on (EndpointSlices, namespaces, service accounts). There is no
// scheduler and no kubelet: who wants a pod to be ready says so in its status.
//
// When the API server is ready it writes DIR/admin.kubeconfig and prints "READY" and the server's address. What it needs
// lies in DIR and is kept: started again on the same DIR, as after a crash, it has the same objects, and the tokens that
// it gave out are valid still. It stops on SIGTERM, on SIGINT, and, with -stdin, when its standard input ends, which it
// does when whoever started it is gone, whatever way.
//
// It is a module of its own, because the API server's dependencies are none of the plugin's.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"net/netip"
	"os"
	"time"
)

// settings are what the flags say.
type settings struct {
	dir   string
	bind  string
	port  int
	cidr  string
	stdin bool
}

func main() {
	var s settings
	flag.StringVar(&s.dir, "dir", "", "`folder` of all state, made if it is not there (required)")
	flag.StringVar(&s.bind, "bind", "127.0.0.1", "`address` that the API server listens on; its certificate is valid "+
		"for it, for the first address of the services and for kubernetes.default.svc")
	flag.IntVar(&s.port, "port", 0, "`port` that the API server listens on; 0 picks a free one")
	flag.StringVar(&s.cidr, "service-cidr", "10.96.0.0/16", "`prefix` that cluster addresses of services are from")
	flag.BoolVar(&s.stdin, "stdin", false, "stop when standard input ends")
	flag.Parse()
	if err := run(s); err != nil {
		fmt.Fprintln(os.Stderr, "plane:", err)
		os.Exit(1)
	}
}

func run(s settings) (err error) {
	began := time.Now()
	if s.dir == "" {
		return errors.New("-dir is required")
	}
	if _, err := netip.ParseAddr(s.bind); err != nil {
		return fmt.Errorf("-bind: %w", err)
	}
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return err
	}
	// First of all, since it asks for the signals.
	server, err := newServer(&s)
	if err != nil {
		return err
	}
	if s.stdin {
		go func() {
			_, _ = io.Copy(io.Discard, os.Stdin)
			server.shutDown()
		}()
	}
	store, err := startStore(s)
	if err != nil {
		return err
	}
	// Last of all: until then the others write.
	defer store.Close()
	if err := server.start(store.client); err != nil {
		return err
	}
	// Whatever fails from here on, the server is stopped before its store.
	defer func() { err = errors.Join(err, server.stop()) }()
	if err := server.awaitReady(); err != nil {
		return err
	}
	config, err := server.writeKubeconfig()
	if err != nil {
		return err
	}
	wait, err := startControllers(server.ctx, config)
	if err != nil {
		return err
	}
	defer wait()
	fmt.Printf("READY %s after %.2f s\n", server.url, time.Since(began).Seconds())
	select {
	case err := <-server.ended:
		server.ended <- err // It is told by stop.
		server.shutDown()
		return nil
	case <-server.ctx.Done():
		return nil
	}
}
