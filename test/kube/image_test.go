//go:build linux && kube

package kube

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/seed-a19ac2b6/failover/test/harness"
)

// manifest is what there is in an OCI layout, as far as it matters here.
type manifest struct {
	MediaType string
	Digest    string
	Size      int
	Config    *manifest
	Layers    []manifest
	Manifests []manifest

	Annotations map[string]string
}

// imageConfig is the configuration of an image, as far as it matters here.
type imageConfig struct {
	Created time.Time
	Config  struct {
		User       string
		Entrypoint []string
		Labels     map[string]string
	}
}

// blob reads a JSON file of an OCI layout, whose name is its digest.
func blob[T any](t *testing.T, layout, digest string) (found T) {
	t.Helper()
	path := filepath.Join(layout, "index.json")
	if digest != "" {
		path = filepath.Join(layout, "blobs", strings.ReplaceAll(digest, ":", "/"))
	}
	text, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(text, &found)
	}
	if sum := sha256.Sum256(text); err == nil && digest != "" && "sha256:"+hex.EncodeToString(sum[:]) != digest {
		err = fmt.Errorf("%s is not its digest", path)
	}
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// digests returns the digests of the images in a layout by their tags.
func digests(t *testing.T, layout string) map[string]string {
	t.Helper()
	found := map[string]string{}
	for _, m := range blob[manifest](t, layout, "").Manifests {
		found[m.Annotations["org.opencontainers.image.ref.name"]] = m.Digest
	}
	return found
}

// TestImage looks at the images as a registry and a runtime do.
func TestImage(t *testing.T) {
	layout := os.Getenv(imageLayout)
	found := digests(t, layout)
	if len(found) != 2 {
		t.Fatalf("Expected two images, got %v", found)
	}
	for tag, digest := range found {
		m := blob[manifest](t, layout, digest)
		size := m.Config.Size
		for _, layer := range m.Layers {
			size += layer.Size
		}
		t.Logf("%s: %.1f MiB", tag, float64(size)/(1<<20))
		if size >= 30<<20 {
			t.Errorf("%s: Expected less than 30 MiB, got %d bytes", tag, size)
		}
		want := blob[imageConfig](t, layout, m.Config.Digest)
		if want.Config.User != "65532:65532" || !slices.Equal(want.Config.Entrypoint, []string{"/coredns"}) ||
			want.Config.Labels["org.opencontainers.image.version"] == "" {
			t.Errorf("%s: Expected a numeric user, /coredns and a version, got %+v", tag, want)
		}
		root := unpack(t, tag)
		capability := ""
		if !strings.HasSuffix(tag, "-unprivileged") {
			capability = filepath.Join(root, "coredns") + " cap_net_bind_service=ep\n"
		}
		if r := execute(t, "", nil, "getcap", "-r", root); r.Out != capability {
			t.Errorf("%s: Expected the capabilities %q, got %q%s", tag, capability, r.Out, r.Err)
		}
		bundle, err := os.ReadFile(filepath.Join(root, "etc/ssl/certs/ca-certificates.crt"))
		if err != nil {
			t.Fatal(err)
		}
		if n := bytes.Count(bundle, []byte("BEGIN CERTIFICATE")); n < 50 {
			t.Errorf("%s: Expected a bundle of certificates, got %d", tag, n)
		}
	}
}

// TestImageIsReproducible builds the images again, from a copy of the sources elsewhere, where git knows nothing of them.
func TestImageIsReproducible(t *testing.T) {
	layout := os.Getenv(imageLayout)
	want := digests(t, layout)
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	copied := t.TempDir()
	for _, name := range []string{"Containerfile", "go.mod", "go.sum", "cmd", "deploy", "health", "plugin", "policy"} {
		if r := execute(t, "", nil, "cp", "-r", filepath.Join(root, name), copied); r.Code != 0 {
			t.Fatal(r.Err)
		}
	}
	// Without what make sets: who calls the script is to make no difference.
	variables := []string{"IMAGE_LAYOUT=" + filepath.Join(copied, "again"), "GOFLAGS=", "CGO_ENABLED="}
	for tag, digest := range want {
		config := blob[imageConfig](t, layout, blob[manifest](t, layout, digest).Config.Digest)
		if !strings.HasSuffix(tag, "-unprivileged") {
			variables = append(variables, "IMAGE_TAG="+tag,
				"IMAGE_VERSION="+config.Config.Labels["org.opencontainers.image.version"],
				"SOURCE_DATE_EPOCH="+strconv.FormatInt(config.Created.Unix(), 10))
		}
	}
	if r := execute(t, "", variables, filepath.Join(copied, "deploy", "image.sh")); r.Code != 0 {
		t.Fatalf("Expected the images to be built again: %s%s", r.Out, r.Err)
	}
	got := digests(t, filepath.Join(copied, "again"))
	for tag, digest := range want {
		if got[tag] != digest {
			t.Errorf("%s: Expected the digest %s again, got %s", tag, digest, got[tag])
		}
	}
}

// addresses gives the loopback of the tests more addresses until the test ends.
func addresses(t *testing.T, more ...string) {
	t.Helper()
	for _, a := range more {
		if output, err := exec.Command("ip", "addr", "replace", a+"/32", "dev", "lo").CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, output)
		}
		t.Cleanup(func() { _ = exec.Command("ip", "addr", "del", a+"/32", "dev", "lo").Run() })
	}
}

// get returns the status of a page of a container.
func (c *Container) get(port int, path string) int {
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: harness.Patience}
	resp, err := client.Get(fmt.Sprintf("http://%s:%d%s", c.IP, port, path))
	if err != nil {
		return 0
	}
	resp.Body.Close()
	return resp.StatusCode
}

// ask asks its name server for the addresses of a name, "" if there is no answer.
func (c *Container) ask(network, name string) string {
	reply, _, err := (&dns.Client{Net: network, Timeout: time.Second}).Exchange(harness.Question(name, dns.TypeA), c.DNS)
	if err != nil {
		return ""
	}
	return strings.Join(harness.Answer(reply), " ")
}

// shape is one of the two that are shipped.
type shape struct {
	base                  string
	namespace, deployment string
	service               string
	ip                    string
	port                  int
	capabilities          string // effective ones, as /proc shows them
}

var shapes = []shape{
	{"cluster-dns", "kube-system", "coredns", "kube-dns", dnsAddress, 53, "0000000000000400"},
	{"dedicated", "failover-dns", "failover-dns", "failover-dns", "127.0.0.1", 5353, "0000000000000000"},
}

// TestImageRuns runs the images as the shipped Deployments have them run, with the shipped Corefiles, where they are in
// a cluster. The targets of those Corefiles are addresses of the loopback here.
func TestImageRuns(t *testing.T) {
	p := Lab(t)
	addresses(t, "192.0.2.1", "198.51.100.1")
	primary := harness.ServeOn(t, 80, "192.0.2.1")
	harness.ServeOn(t, 80, "198.51.100.1")
	for _, s := range shapes {
		t.Run(s.base, func(t *testing.T) {
			p.deploy(t, s)
			tls := httptest.NewTLSServer(primary)
			defer tls.Close()
			ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: tls.Certificate().Raw})
			p.addChecked(t, s, strings.ReplaceAll(tls.URL, "https:", "check ca https:"))
			// The only authority is that of our server: the bundle is read where the image has it, or the check fails.
			c := p.Container(t, p.Deployment(t, s.namespace, s.deployment), "",
				map[string]string{"/etc/ssl/certs/ca-certificates.crt": string(ca)})
			took := c.Start(t, s.ip, s.port)
			harness.Eventually(t, harness.Soon, "ready", func() bool { return c.get(8181, "/ready") == http.StatusOK })
			t.Logf("first answer after %v, seen ready after %v", took, time.Since(c.started))
			c.judge(t, s)
			c.judgeEnd(t)
		})
	}
}

// deploy applies what is shipped of a shape.
func (p *Plane) deploy(t *testing.T, s shape) {
	t.Helper()
	manifest := p.Kubectl(t, "kustomize", filepath.Join(shipped, s.base))
	p.Apply(t, "{apiVersion: v1, kind: Namespace, metadata: {name: "+s.namespace+"}}")
	p.Apply(t, manifest)
}

// addChecked adds a name "ca" to the Corefile of a shape, whose primary depends on a check.
func (p *Plane) addChecked(t *testing.T, s shape, check string) {
	t.Helper()
	text := shippedFile(t, filepath.Join(s.base, "Corefile"))
	const first = "check web"
	if !strings.Contains(text, first) {
		t.Fatalf("Expected %q in the Corefile of %s", first, s.base)
	}
	text = strings.Replace(text, first,
		check+"\n primary ca 127.0.0.1 check ca\n secondary ca 127.0.0.2\n "+first, 1)
	p.configure(t, s, text)
}

// configure replaces the Corefile of a shape.
func (p *Plane) configure(t *testing.T, s shape, corefile string) {
	t.Helper()
	patch, err := json.Marshal(map[string]any{"data": map[string]string{"Corefile": corefile}})
	if err != nil {
		t.Fatal(err)
	}
	p.Kubectl(t, "-n", s.namespace, "patch", "configmap", s.deployment, "--type=merge", "-p", string(patch))
}

// judge is what has to be true of a container that runs.
func (c *Container) judge(t *testing.T, s shape) {
	t.Helper()
	for _, network := range []string{"udp", "tcp"} {
		if got := c.ask(network, "www.app.example.org."); got != "A 192.0.2.1" {
			t.Errorf("%s: Expected the primary, got %q", network, got)
		}
	}
	if s.port == 53 {
		if got := c.ask("udp", "kubernetes.default.svc.cluster.local."); got != "A "+apiAddress {
			t.Errorf("Expected the API server's address, got %q", got)
		}
	}
	if got := c.get(8080, "/health"); got != http.StatusOK {
		t.Errorf("Expected /health to say 200, got %d", got)
	}
	if got := c.get(9153, "/metrics"); got != http.StatusOK {
		t.Errorf("Expected /metrics to say 200, got %d", got)
	}
	status := strings.Join(strings.Fields(c.Process(t, "status")), " ")
	for _, want := range []string{
		"Uid: 65532 65532 65532 65532", "Gid: 65532 65532 65532 65532",
		"CapEff: " + s.capabilities, "CapBnd: " + s.capabilities, "CapAmb: 0000000000000000", "NoNewPrivs: 1",
	} {
		if !strings.Contains(status, want+" ") {
			t.Errorf("Expected %q of the process, got %s", want, status)
		}
	}
	r := c.Exec(t, "failoverctl", "status")
	if r.Code != 0 || !strings.Contains(r.Out, "www.app.example.org") {
		t.Errorf("Expected failoverctl in the container to show the set, got %d: %s%s", r.Code, r.Out, r.Err)
	}
	if r = c.Exec(t, "failoverctl", "man", "/man"); r.Code == 0 || !strings.Contains(r.Err, "read-only file system") {
		t.Errorf("Expected a root that nobody can write to, got %d: %s%s", r.Code, r.Out, r.Err)
	}
	harness.Eventually(t, harness.Soon, "the check with TLS to pass", func() bool {
		r = c.Exec(t, "failoverctl", "status", "ca", "--output", "json")
		return strings.Contains(r.Out, `"healthy"`)
	})
	usage, most, limit := c.Memory(t)
	t.Logf("memory: %.1f MiB now, %.1f MiB at most, of %d MiB", mib(usage), mib(most), limit>>20)
	if limit != 170<<20 {
		t.Errorf("Expected the limit of the Deployment, got %d", limit)
	}
}

func mib(bytes uint64) float64 { return float64(bytes) / (1 << 20) }

// judgeEnd ends the container as the kubelet does: it goes on to answer for the time of lameduck, and then ends well.
func (c *Container) judgeEnd(t *testing.T) {
	t.Helper()
	const lameduck = 5 * time.Second // as the Corefiles have it
	c.Terminate(t)
	begun := time.Now()
	var last time.Time
	for {
		select {
		case <-c.done:
			took := time.Since(begun)
			if code := c.Cmd.ProcessState.ExitCode(); code != 0 || took > 30*time.Second {
				t.Errorf("Expected exit code 0 before the 30 s of grace are over, got %d after %v", code, took)
			}
			if last.Sub(begun) < lameduck-200*time.Millisecond {
				t.Errorf("Expected answers for %v after SIGTERM, got the last one after %v", lameduck, last.Sub(begun))
			}
			t.Logf("ended %v after SIGTERM, the last answer after %v", took, last.Sub(begun))
			return
		case <-time.After(20 * time.Millisecond):
		}
		sent := time.Now()
		if got := c.ask("udp", "www.app.example.org."); got == "A 192.0.2.1" {
			last = sent
		} else if since := sent.Sub(begun); since < lameduck-200*time.Millisecond {
			t.Fatalf("Expected an answer %v after SIGTERM, got %q", since, got)
		}
	}
}
