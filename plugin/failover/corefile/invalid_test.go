package corefile

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// One file a rule. Its first line holds the error that it must give, from the line number on.
func TestInvalid(t *testing.T) {
	for name, text := range corpus(t, "invalid") {
		t.Run(name, func(t *testing.T) {
			first, _, _ := strings.Cut(text, "\n")
			want, ok := strings.CutPrefix(first, "# error: ")
			if !ok {
				t.Fatal("The first line does not say which error is expected")
			}
			_, err := parseText("Corefile", text)
			if err == nil {
				t.Fatalf("No error, want %q", want)
			}
			if got := strings.TrimPrefix(err.Error(), "Corefile:"); got != want {
				t.Errorf("Error\n%s\nwant\n%s", got, want)
			}
		})
	}
}

// What is not there yet says so, and is not taken for a misspelling.
func TestEveryLaterWordIsRefused(t *testing.T) {
	all := strings.Builder{}
	for _, text := range corpus(t, "invalid") {
		first, _, _ := strings.Cut(text, "\n")
		all.WriteString(first + "\n")
	}
	for _, words := range [][]string{stanzaLater, setLater} {
		for _, word := range words {
			if !strings.Contains(all.String(), `"`+word+`" is not supported yet`) {
				t.Errorf("No file of testdata/invalid has the word %q", word)
			}
		}
	}
}

func TestErrorPlaceAfterImport(t *testing.T) {
	dir := t.TempDir()
	imported := filepath.Join(dir, "records.conf")
	write := func(path, text string) {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(imported, "static www 192.0.2.1\nprimary www 192.0.2.2\n")
	main := filepath.Join(dir, "Corefile")
	for _, tc := range []struct{ name, text, want string }{
		{
			"in the imported file",
			"example.org {\n failover {\n  import records.conf\n }\n}\n",
			imported + ":2 - the record set www.example.org. has two policies, failover here and simple on line 1",
		},
		{
			"in the importing file",
			"example.org {\n failover {\n  weight 1 www 192.0.2.3\n  import records.conf\n }\n}\n",
			imported + ":1 - the record set www.example.org. has two policies, simple here and weighted on " + main + ":3",
		},
		{
			"in a snippet",
			"(s) {\n statik www 192.0.2.3\n}\nexample.org {\n failover {\n  import s\n }\n}\n",
			main + `:2 - unknown word "statik", did you mean "static"?`,
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := parseText(main, tc.text)
			if err == nil || err.Error() != tc.want {
				t.Errorf("Error\n%v\nwant\n%s", err, tc.want)
			}
		})
	}
}

func TestEnvironment(t *testing.T) {
	t.Setenv("FAILOVER_TEST_ADDRESS", "192.0.2.7")
	configs, err := parseText("Corefile", "example.org {\n failover {\n  static www {$FAILOVER_TEST_ADDRESS}\n }\n}\n")
	if err != nil {
		t.Fatal(err)
	}
	if got := configs[0].Zones[0].Sets[0].Records[0].ID; got != "192.0.2.7" {
		t.Errorf("The record is %q, want 192.0.2.7", got)
	}
	t.Setenv("FAILOVER_TEST_ADDRESS", "")
	_, err = parseText("Corefile", "example.org {\n failover {\n  static www {$FAILOVER_TEST_ADDRESS}\n }\n}\n")
	if err == nil || !strings.Contains(err.Error(), "Corefile:3 - "+emptyValue) {
		t.Errorf("Error %v, want one about an empty value on line 3", err)
	}
}
