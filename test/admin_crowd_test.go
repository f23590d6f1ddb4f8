package test

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/seed-a19ac2b6/failover/test/harness"
)

// The crowd: how many follow the stream, and how many post as fast as they can.
const crowdClients, crowdFloods = 1000, 8

// crowdVariable makes a copy of the test's process the crowd at a server's admin API. It has a process of its own, that
// gives way to all others, so that its work is not taken for the server's.
const crowdVariable = "CROWD_AT"

// TestAdminCrowd asks for answers while a thousand clients follow the stream and others post as fast as they can. The
// times are told and not judged: who makes the crowd takes the same processors. That every answer comes, and that the crowd
// is told of a failover, is.
func TestAdminCrowd(t *testing.T) {
	const span = 2 * time.Second
	s := harness.Start(t, harness.Zone("admin 127.0.0.1:@ADMIN@\n"+overruled))
	s.AwaitA(t, harness.Patience, "www", "192.0.2.2")
	quiet := pace(t, s, span)

	crowd := startCrowd(t, fmt.Sprintf("http://127.0.0.1:%d", s.Ports["@ADMIN@"]))
	crowd.expect("connected")
	followed := pace(t, s, span)
	quiet = append(quiet, pace(t, s, span)...) // the streams have nothing to tell
	crowd.tell("flood")
	flooded := pace(t, s, span)
	crowd.tell("calm")
	posts := crowd.expect("posted ")

	a := adminOf(t, s, "")
	harness.Eventually(t, harness.Patience, "a change is taken again", func() bool {
		status, _ := a.ask("POST", "/v1/manual", `{"checks":"flag","state":"unhealthy","reason":"x","author":"ada"}`)
		return status == http.StatusCreated
	})
	began := time.Now()
	crowd.expect("heard")
	t.Logf("Answers take, quiet: %s; with %d clients: %s; with %s posts too: %s. All heard of a failover within %s.",
		quiet, crowdClients, followed, posts, flooded, time.Since(began).Round(time.Millisecond))
}

// throng is the process of the crowd.
type throng struct {
	t     *testing.T
	in    io.Writer
	lines chan string
}

func startCrowd(t *testing.T, base string) *throng {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "nice", "-n", "19", os.Args[0])
	cmd.Env = append(os.Environ(), crowdVariable+"="+base)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	c := &throng{t: t, in: in, lines: make(chan string, 10)}
	go func() {
		defer close(c.lines)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			c.lines <- lines.Text()
		}
	}()
	t.Cleanup(func() {
		in.Close()
		_ = cmd.Wait()
	})
	return c
}

func (c *throng) tell(word string) {
	c.t.Helper()
	if _, err := fmt.Fprintln(c.in, word); err != nil {
		c.t.Fatal(err)
	}
}

// expect waits for a line that begins so, and gives the rest of it.
func (c *throng) expect(start string) string {
	c.t.Helper()
	select {
	case line := <-c.lines:
		rest, ok := strings.CutPrefix(line, start)
		if !ok {
			c.t.Fatalf("The crowd says %q, want %q", line, start)
		}
		return rest
	case <-time.After(harness.Patience):
		c.t.Fatalf("The crowd does not say %q", start)
	}
	return ""
}

// playCrowd is the crowd. It ends with its standard input.
func playCrowd(base string) error {
	transport := &http.Transport{MaxIdleConnsPerHost: crowdFloods}
	client := &http.Client{Transport: transport}
	var heard, posts atomic.Int64
	connected := make(chan error, crowdClients)
	for range crowdClients {
		go func() {
			resp, err := client.Get(base + "/v1/stream")
			connected <- err
			if err != nil {
				return
			}
			defer resp.Body.Close()
			told := false
			for buffer := make([]byte, 16<<10); ; {
				n, err := resp.Body.Read(buffer)
				if !told && strings.Contains(string(buffer[:n]), `"kind":"failover"`) {
					told = true
					if heard.Add(1) == crowdClients {
						fmt.Println("heard")
					}
				}
				if err != nil {
					return
				}
			}
		}()
	}
	for range crowdClients {
		if err := <-connected; err != nil {
			return err
		}
	}
	fmt.Println("connected")
	var flooding atomic.Bool
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		if lines.Text() == "calm" {
			flooding.Store(false)
			fmt.Printf("posted %d\n", posts.Load())
			continue
		}
		flooding.Store(true)
		for range crowdFloods {
			go func() {
				for flooding.Load() {
					resp, err := client.Post(base+"/v1/manual", "application/json",
						strings.NewReader(`{"checks":"nobody","state":"healthy","reason":"x","author":"flood","for":"100ms"}`))
					if err != nil {
						continue
					}
					_, _ = io.Copy(io.Discard, resp.Body)
					resp.Body.Close()
					posts.Add(1)
				}
			}()
		}
	}
	return nil
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
