package test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/seed-a19ac2b6/failover/test/harness"
)

// alertmanager runs a real Alertmanager that tells nobody, and returns its address.
func alertmanager(t *testing.T) string {
	t.Helper()
	program, dir := tool(t, "prometheus-alertmanager", "prometheus-alertmanager"), t.TempDir()
	config := filepath.Join(dir, "config.yml")
	if err := os.WriteFile(config, []byte("route:\n  receiver: nobody\nreceivers:\n  - name: nobody\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	address := fmt.Sprintf("127.0.0.1:%d", harness.FreePort(t))
	cmd := exec.Command(program, "--config.file="+config, "--storage.path="+dir,
		"--web.listen-address="+address, "--cluster.listen-address=")
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("The log of Alertmanager:\n%s", &output)
		}
	})
	harness.Eventually(t, 20*time.Second, "Alertmanager is ready", func() bool {
		_, err := activeAlerts(address)
		return err == nil
	})
	return address
}

// activeAlerts are the labels of those that are active.
func activeAlerts(address string) (found []map[string]string, err error) {
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: harness.Patience}
	resp, err := client.Get("http://" + address + "/api/v2/alerts?active=true")
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	var all []struct{ Labels map[string]string }
	if err := json.NewDecoder(resp.Body).Decode(&all); err != nil {
		return nil, err
	}
	for _, a := range all {
		found = append(found, a.Labels)
	}
	return found, nil
}

// TestAlertmanagerTakesOurAlerts has a real one show what stands, and nothing else.
func TestAlertmanagerTakesOurAlerts(t *testing.T) {
	t.Parallel()
	address := alertmanager(t)
	first, second := harness.Serve(t), harness.Serve(t)
	const fastest = "interval 200ms timeout 10s fast 50ms fall 2 rise 1"
	s := harness.Start(t, harness.Zone(fmt.Sprintf(`
		webhook http://%s format alertmanager events failover all_down transition
		check first  %s %s
		check second %s %[3]s
		primary   www 192.0.2.1    check first
		secondary www 198.51.100.1 check second`, address, first.URL(), fastest, second.URL())))
	s.AwaitA(t, harness.Soon, "www", "192.0.2.1")
	// await waits until these alerts stand, by name with the value of a label.
	await := func(label string, want map[string]string) {
		t.Helper()
		harness.Eventually(t, 2*harness.Soon, fmt.Sprintf("alerts %v", want), func() bool {
			all, err := activeAlerts(address)
			if err != nil {
				t.Fatal(err)
			}
			n := 0
			for _, labels := range all {
				value, has := want[labels["alertname"]]
				if labels[label] == "" {
					continue
				}
				if !has || labels[label] != value || labels["severity"] == "" || labels["instance"] == "" {
					return false
				}
				n++
			}
			return n == len(want)
		})
	}
	await("name", nil)
	first.Set(harness.Fail)
	await("name", map[string]string{"FailoverOffPrimary": "www.example.org."})
	await("check", map[string]string{"FailoverCheckUnhealthy": "first"})
	second.Set(harness.Fail)
	await("name", map[string]string{"FailoverOffPrimary": "www.example.org.", "FailoverAllDown": "www.example.org."})
	first.Set(harness.OK)
	await("name", nil) // on its primary again
	await("check", map[string]string{"FailoverCheckUnhealthy": "second"})
	second.Set(harness.OK)
	await("check", nil)
}
