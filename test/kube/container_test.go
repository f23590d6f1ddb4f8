//go:build linux && kube

package kube

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/miekg/dns"
	"golang.org/x/sys/unix"

	"github.com/seed-a19ac2b6/failover/test/harness"
)

// Container is what runs in a pod: the image, unpacked, run by runc as the kubelet would have it run by containerd. It
// has the user, the capabilities, the limits, the arguments and the mounts of the pod. It lacks containerd's seccomp
// profile, of which the runtime is the owner.
type Container struct {
	DNS string // address and port of its name server
	IP  string // for its other ports
	Log *harness.LogBuffer
	Cmd *exec.Cmd

	started time.Time
	name    string
	bundle  string
	runc    []string // the command as far as all calls have it
	done    chan struct{}
}

// Deployment returns what a Deployment of the plane is by now.
func (p *Plane) Deployment(t *testing.T, namespace, name string) *apps.Deployment {
	t.Helper()
	found, err := p.Client(t).AppsV1().Deployments(namespace).Get(t.Context(), name, meta.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// Container prepares the container of a Deployment's pod, in a network namespace that `ip netns` knows, or in that of
// the tests if there is none. Files are mounted over those that the image has. Start runs it.
func (p *Plane) Container(t *testing.T, d *apps.Deployment, network string, files map[string]string) *Container {
	t.Helper()
	spec := d.Spec.Template.Spec
	if len(spec.Containers) != 1 {
		t.Fatalf("Expected one container in %s, got %d", d.Name, len(spec.Containers))
	}
	image := spec.Containers[0]
	rootfs := unpack(t, image.Image[strings.LastIndexByte(image.Image, ':')+1:])
	config := map[string]any{}
	text, err := os.ReadFile(filepath.Join(filepath.Dir(rootfs), "config.json"))
	if err == nil {
		err = json.Unmarshal(text, &config)
	}
	if err != nil {
		t.Fatal(err)
	}
	p.kubelet(t, d, config, rootfs, network, files)
	dir := t.TempDir()
	if text, err = json.Marshal(config); err == nil {
		err = os.WriteFile(filepath.Join(dir, "config.json"), text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	return contain(t, dir)
}

// contain prepares the container of a bundle. There may be several of one after the other, as of a pod whose container
// ends: they have the same volumes.
func contain(t *testing.T, bundle string) *Container {
	t.Helper()
	c := &Container{
		Log: new(harness.LogBuffer), name: "kube-" + rand.Text(),
		bundle: bundle, runc: []string{"runc", "--root", filepath.Join(bundle, "state")},
		IP: "127.0.0.1", done: make(chan struct{}),
	}
	c.Cmd = exec.Command("runc", append(c.runc[1:], "run", "--bundle", bundle, c.name)...)
	c.Cmd.Stdout, c.Cmd.Stderr = c.Log, c.Log
	t.Cleanup(func() {
		if c.Cmd.Process != nil {
			c.command(t, "delete", "--force", c.name)
			<-c.done
		}
		if t.Failed() {
			t.Logf("The log of the container:\n%s", c.Log)
		}
	})
	return c
}

// unpacked are the roots of images by their tags, for as long as the test lasts that needed one first.
var unpacked = map[string]string{}

// unpack returns the root of an image of the layout under test. It is never written to: containers mount it read-only.
func unpack(t *testing.T, tag string) string {
	t.Helper()
	if found, ok := unpacked[tag]; ok {
		return found
	}
	bundle := filepath.Join(t.TempDir(), "image")
	r := execute(t, "", nil, "umoci", "unpack", "--image", os.Getenv(imageLayout)+":"+tag, bundle)
	if r.Code != 0 {
		t.Fatalf("Expected an image with the tag %s, which `make image` builds: %s", tag, r.Err)
	}
	unpacked[tag] = filepath.Join(bundle, "rootfs")
	t.Cleanup(func() { delete(unpacked, tag) })
	return unpacked[tag]
}

// kubelet makes of the configuration that an image comes with the one of its container, as the kubelet does.
func (p *Plane) kubelet(
	t *testing.T, d *apps.Deployment, config map[string]any, rootfs, network string, over map[string]string,
) {
	t.Helper()
	pod, container := d.Spec.Template.Spec, d.Spec.Template.Spec.Containers[0]
	security := container.SecurityContext
	if security == nil || security.Capabilities == nil || !slices.Contains(security.Capabilities.Drop, "ALL") {
		t.Fatalf("Expected %s to drop all capabilities: others are not known here", d.Name)
	}
	if pod.DNSPolicy != core.DNSDefault {
		t.Fatalf("Expected %s to have the node's resolv.conf", d.Name)
	}
	process := config["process"].(map[string]any)
	process["terminal"] = false
	if pod.SecurityContext != nil && pod.SecurityContext.RunAsUser != nil {
		process["user"] = map[string]any{"uid": *pod.SecurityContext.RunAsUser, "gid": *pod.SecurityContext.RunAsGroup}
	}
	added := make([]string, 0, len(security.Capabilities.Add))
	for _, name := range security.Capabilities.Add {
		added = append(added, "CAP_"+string(name))
	}
	process["capabilities"] = map[string]any{"bounding": added, "effective": added, "permitted": added}
	process["noNewPrivileges"] = security.AllowPrivilegeEscalation != nil && !*security.AllowPrivilegeEscalation
	// As many files as we may have ourselves. A runtime gives more, a million as a rule.
	var files unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &files); err != nil {
		t.Fatal(err)
	}
	process["rlimits"] = []any{map[string]any{"type": "RLIMIT_NOFILE", "soft": files.Max, "hard": files.Max}}
	env := process["env"].([]any)
	env = append(env, "KUBERNETES_SERVICE_HOST="+p.Host, "KUBERNETES_SERVICE_PORT="+strconv.Itoa(p.Port))
	for _, variable := range container.Env {
		env = append(env, variable.Name+"="+variable.Value)
	}
	process["env"] = env
	args := process["args"].([]any)
	for _, arg := range container.Args {
		args = append(args, arg)
	}
	process["args"] = args
	config["root"] = map[string]any{
		"path":     rootfs,
		"readonly": security.ReadOnlyRootFilesystem != nil && *security.ReadOnlyRootFilesystem,
	}
	linux := config["linux"].(map[string]any)
	// Only the limit: shares of processors are relative to those of other pods.
	linux["resources"] = map[string]any{
		"memory":  map[string]any{"limit": container.Resources.Limits.Memory().Value()},
		"devices": []any{map[string]any{"allow": false, "access": "rwm"}},
	}
	namespaces := []any{}
	for _, kind := range []string{"pid", "ipc", "uts", "mount", "cgroup"} {
		namespaces = append(namespaces, map[string]any{"type": kind})
	}
	if network != "" {
		namespaces = append(namespaces, map[string]any{"type": "network", "path": "/run/netns/" + network})
	}
	linux["namespaces"] = namespaces
	config["mounts"] = append(config["mounts"].([]any), p.volumes(t, d, over)...)
}

// volumes are the mounts of a container: its volumes, what every pod has beside them, and the files given.
func (p *Plane) volumes(t *testing.T, d *apps.Deployment, files map[string]string) []any {
	t.Helper()
	pod, container := d.Spec.Template.Spec, d.Spec.Template.Spec.Containers[0]
	var mounts []any
	bind := func(destination, source string, options ...string) {
		mounts = append(mounts, map[string]any{
			"destination": destination, "type": "bind", "source": source,
			"options": append([]string{"rbind", "nosuid", "nodev"}, options...),
		})
	}
	for _, volume := range pod.Volumes {
		source, options := readable(t), []string{"rw"}
		switch {
		case volume.ConfigMap != nil:
			config, err := p.Client(t).CoreV1().ConfigMaps(d.Namespace).Get(t.Context(), volume.ConfigMap.Name, meta.GetOptions{})
			if err != nil {
				t.Fatal(err)
			}
			fill(t, source, config.Data)
			options[0] = "ro"
		case volume.EmptyDir != nil:
			if err := os.Chmod(source, 0o777); err != nil {
				t.Fatal(err)
			}
		default:
			t.Fatalf("Expected a volume of a kind that is known here, got %v", volume)
		}
		for _, mount := range container.VolumeMounts {
			if mount.Name == volume.Name {
				bind(mount.MountPath, source, options...)
			}
		}
	}
	account := readable(t)
	authority, err := os.ReadFile(p.CA())
	if err != nil {
		t.Fatal(err)
	}
	fill(t, account, map[string]string{
		"ca.crt": string(authority), "namespace": d.Namespace,
		"token": p.ServiceAccountToken(t, d.Namespace, pod.ServiceAccountName),
	})
	bind(serviceAccountFolder, account, "ro")
	resolver, err := os.ReadFile("/etc/resolv.conf")
	if err != nil {
		t.Fatal(err)
	}
	files = maps.Clone(files)
	if files == nil {
		files = map[string]string{}
	}
	files["/etc/resolv.conf"] = string(resolver)
	for _, path := range slices.Sorted(maps.Keys(files)) {
		dir := readable(t)
		fill(t, dir, map[string]string{"file": files[path]})
		bind(path, filepath.Join(dir, "file"), "ro")
	}
	return mounts
}

// readable returns a folder that another user may look into, as those that a kubelet mounts.
func readable(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// fill writes files into a folder that others may read.
func fill(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// Start runs the container and returns how long it took to its first answer.
func (c *Container) Start(t *testing.T, ip string, port int) time.Duration {
	t.Helper()
	c.IP, c.DNS = ip, net.JoinHostPort(ip, strconv.Itoa(port))
	c.started = time.Now()
	if err := c.Cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = c.Cmd.Wait() // How it ended is asked of ProcessState.
		close(c.done)
	}()
	client := dns.Client{Timeout: 100 * time.Millisecond}
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); {
		if _, _, err := client.Exchange(harness.Question("app.example.org.", dns.TypeSOA), c.DNS); err == nil {
			return time.Since(c.started)
		}
		select {
		case <-c.done:
			t.Fatalf("Expected a container that runs, it ended with %s:\n%s", c.Cmd.ProcessState, c.Log)
		case <-time.After(5 * time.Millisecond):
		}
	}
	t.Fatalf("Expected an answer within a minute:\n%s", c.Log)
	return 0
}

// command runs a command of runc.
func (c *Container) command(t *testing.T, args ...string) harness.Result {
	t.Helper()
	return execute(t, "", nil, c.runc[0], append(slices.Clone(c.runc[1:]), args...)...)
}

// Exec runs a command in the container, as `kubectl exec` does.
func (c *Container) Exec(t *testing.T, args ...string) harness.Result {
	t.Helper()
	return c.command(t, append([]string{"exec", c.name}, args...)...)
}

// Terminate has the container end, as the kubelet does. It does not wait for that.
func (c *Container) Terminate(t *testing.T) {
	t.Helper()
	// CoreDNS asks for signals in a goroutine that nothing waits for, and until then the kernel keeps them from what is
	// the first process of its namespace.
	time.Sleep(time.Until(c.started.Add(time.Second)))
	if r := c.command(t, "kill", c.name, "TERM"); r.Code != 0 {
		t.Fatalf("Expected a container that takes a signal: %s", r.Err)
	}
}

// Process is what the kernel says of its first process, in /proc.
func (c *Container) Process(t *testing.T, file string) string {
	t.Helper()
	var state struct{ Pid int }
	r := c.command(t, "state", c.name)
	if err := json.Unmarshal([]byte(r.Out), &state); err != nil || state.Pid == 0 {
		t.Fatalf("Expected the state of a container, got %s%s", r.Out, r.Err)
	}
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", state.Pid, file))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// Memory is what the container has used at most, as its limit counts it, in bytes.
func (c *Container) Memory(t *testing.T) (usage, most, limit uint64) {
	t.Helper()
	var stats struct {
		Data struct {
			Memory struct {
				Usage struct{ Usage, Max, Limit uint64 }
			}
		}
	}
	r := c.command(t, "events", "--stats", c.name)
	if err := json.Unmarshal([]byte(r.Out), &stats); err != nil {
		t.Fatalf("Expected statistics of a container, got %s%s", r.Out, r.Err)
	}
	u := stats.Data.Memory.Usage
	return u.Usage, u.Max, u.Limit
}
