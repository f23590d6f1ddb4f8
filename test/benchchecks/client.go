//go:build linux

package main

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/seed-a19ac2b6/failover/test/bench"
)

// startClient runs the reference for HTTP checks.
func (b *runner) startClient(ctx context.Context, r run, port int) (*bench.Process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	return bench.Launch(ctx, b.measured, filepath.Join(b.dir, "client.log"), bench.InRole(roleClient),
		self, strconv.Itoa(r.checks), r.interval.String(), strconv.Itoa(port))
}

// probeBarely is the role: what a program costs that does nothing but send its requests in time, with net/http as it
// comes and a fresh connection for each.
func probeBarely(args []string) error {
	if len(args) != 3 {
		return errors.New("the arguments are CHECKS INTERVAL PORT")
	}
	checks, err1 := strconv.Atoi(args[0])
	interval, err2 := time.ParseDuration(args[1])
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	urls := make([]string, checks)
	for i := range urls {
		urls[i] = "http://" + bench.Target(i) + ":" + args[2] + "/"
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: timeout}
	began := time.Now()
	for i := 0; ; i++ {
		time.Sleep(time.Until(began.Add(time.Duration(i) * interval / time.Duration(checks))))
		go fetch(client, urls[i%checks])
	}
}

func fetch(client *http.Client, url string) {
	response, err := client.Get(url)
	if err != nil {
		return // the endpoint counts what arrives
	}
	_, _ = io.Copy(io.Discard, response.Body)
	response.Body.Close()
}
