package main

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"path/filepath"
	"strconv"
	"time"

	"go.etcd.io/etcd/server/v3/embed"
)

// store is the etcd that keeps all objects.
type store struct {
	*embed.Etcd
	client string // the URL for clients
}

func startStore(s settings) (*store, error) {
	client, err := freeURL()
	if err != nil {
		return nil, err
	}
	peer, err := freeURL()
	if err != nil {
		return nil, err
	}
	config := embed.NewConfig()
	config.Dir = filepath.Join(s.dir, "etcd")
	config.LogLevel, config.LogOutputs = "error", []string{filepath.Join(s.dir, "etcd.log")}
	// What is written outlives the process, if not the machine: enough for a test, and several times as fast.
	config.UnsafeNoFsync = true
	config.ListenClientUrls, config.AdvertiseClientUrls = []url.URL{*client}, []url.URL{*client}
	config.ListenPeerUrls, config.AdvertisePeerUrls = []url.URL{*peer}, []url.URL{*peer}
	config.InitialCluster = config.InitialClusterFromName(config.Name)
	etcd, err := embed.StartEtcd(config)
	if err != nil {
		return nil, fmt.Errorf("etcd: %w", err)
	}
	select {
	case <-etcd.Server.ReadyNotify():
		return &store{etcd, client.String()}, nil
	case err = <-etcd.Err():
	case <-time.After(time.Minute):
		err = errors.New("not ready after a minute")
	}
	etcd.Close()
	return nil, fmt.Errorf("etcd: %w", err)
}

// freeURL is one of the loopback that nobody listens on.
func freeURL() (*url.URL, error) {
	port, err := freePort("127.0.0.1")
	return &url.URL{Scheme: "http", Host: net.JoinHostPort("127.0.0.1", strconv.Itoa(port))}, err
}

// freePort returns a TCP port of an address that nobody listens on.
func freePort(address string) (int, error) {
	l, err := net.Listen("tcp", net.JoinHostPort(address, "0"))
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}
