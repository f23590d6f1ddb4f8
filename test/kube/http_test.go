//go:build linux && kube

package kube

import (
	"net/http"
	"time"
)

// status asks for a page and returns the status of the reply; 0 if there is none.
func status(url string) int {
	client := http.Client{Timeout: 2 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	reply, err := client.Get(url)
	if err != nil {
		return 0
	}
	reply.Body.Close()
	return reply.StatusCode
}
