package test

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/seed-a19ac2b6/failover/test/harness"
)

// TestAdminCrowd asks for answers while a thousand clients follow the stream and others post as fast as they can. The
// times are told and not judged: who makes the crowd takes the same processors. That every answer comes, and that the crowd
// is told of a failover, is.
func TestAdminCrowd(t *testing.T) {
	const clients, floods, span = 1000, 8, 3 * time.Second
	s := harness.Start(t, harness.Zone("admin 127.0.0.1:@ADMIN@\n"+overruled))
	s.AwaitA(t, harness.Patience, "www", "192.0.2.2")
	quiet := pace(t, s, span)

	base := fmt.Sprintf("http://127.0.0.1:%d", s.Ports["@ADMIN@"])
	transport := &http.Transport{MaxIdleConnsPerHost: floods}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport}
	var heard, connected, posts atomic.Int64
	var crowd sync.WaitGroup
	stop := make(chan struct{})
	bodies := make(chan io.Closer, clients)
	for range clients {
		resp, err := client.Get(base + "/v1/stream")
		if err != nil {
			t.Fatal(err)
		}
		connected.Add(1)
		bodies <- resp.Body
		crowd.Go(func() {
			told := false
			for buffer := make([]byte, 16<<10); ; {
				n, err := resp.Body.Read(buffer)
				if !told && strings.Contains(string(buffer[:n]), `"kind":"failover"`) {
					told = true
					heard.Add(1)
				}
				if err != nil {
					return
				}
			}
		})
	}
	followed := pace(t, s, span)
	for range floods {
		crowd.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				resp, err := client.Post(base+"/v1/manual", "application/json",
					strings.NewReader(`{"checks":"nobody","state":"healthy","reason":"x","author":"flood","for":"100ms"}`))
				if err == nil {
					_, _ = io.Copy(io.Discard, resp.Body)
					resp.Body.Close()
					posts.Add(1)
				}
			}
		})
	}
	flooded := pace(t, s, span)
	close(stop)
	a := adminOf(t, s, "")
	harness.Eventually(t, harness.Patience, "a change is taken again", func() bool {
		status, _ := a.ask("POST", "/v1/manual", `{"checks":"flag","state":"unhealthy","reason":"x","author":"ada"}`)
		return status == http.StatusCreated
	})
	began := time.Now()
	harness.Eventually(t, harness.Patience, "all clients have heard of the failover", func() bool {
		return heard.Load() == clients
	})
	t.Logf("Answers take, quiet: %s; with %d clients: %s; with %d posts too: %s. All heard of a failover within %s.",
		quiet, clients, followed, posts.Load(), flooded, time.Since(began).Round(time.Millisecond))
	close(bodies)
	for b := range bodies {
		b.Close()
	}
	crowd.Wait()
}

// times are how long answers take.
type times []time.Duration

func (d times) String() string {
	slices.Sort(d)
	return fmt.Sprintf("p50 %s, p99 %s, longest %s", d[len(d)/2], d[len(d)*99/100], d[len(d)-1])
}

// pace asks a thousand times a second or less, and wants every answer.
func pace(t *testing.T, s *harness.Server, span time.Duration) times {
	t.Helper()
	c, err := dns.Dial("udp", fmt.Sprintf("127.0.0.1:%d", s.Ports["@DNS@"]))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	var took times
	next := time.NewTicker(time.Millisecond)
	defer next.Stop()
	for end := time.Now().Add(span); time.Now().Before(end); <-next.C {
		m := harness.Question("www.example.org.", dns.TypeA)
		began := time.Now()
		if err := c.SetDeadline(began.Add(harness.Patience)); err != nil {
			t.Fatal(err)
		}
		if err := c.WriteMsg(m); err != nil {
			t.Fatal(err)
		}
		if _, err := c.ReadMsg(); err != nil {
			t.Fatalf("Expected an answer, got error: %v", err)
		}
		took = append(took, time.Since(began))
	}
	return took
}
