package probe

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// TestStampTellsAFileFromOneThatReplacesIt is of two that are as long and as old: tokens are all of one length, and where
// a build is reproducible all files are of one day.
func TestStampTellsAFileFromOneThatReplacesIt(t *testing.T) {
	dir := t.TempDir()
	at := time.Unix(1, 0)
	write := func(name, text string) string {
		file := filepath.Join(dir, name)
		writeText(t, file, text)
		if err := os.Chtimes(file, at, at); err != nil {
			t.Fatal(err)
		}
		return file
	}
	token := write("token", "canary-1")
	followed, err := NewSecretFile(token)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(write("next", "canary-2"), token); err != nil {
		t.Fatal(err)
	}
	if got := followed.Current(); got != "canary-2" {
		t.Errorf("Got %q", got)
	}
	one, err := stampOf(token)
	if again, _ := stampOf(token); err != nil || !one.same(again) || one.same(stamp{}) || !(stamp{}).same(stamp{}) {
		t.Errorf("The stamp of a file that nobody touches: %v, %v", one, err)
	}
}
