package probe

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
)

// maxSecret is the longest value of a header field that is in a file, in bytes.
const maxSecret = 8 << 10

// headerFile is a header field whose value is the first line of a file, which keeps a secret out of the configuration.
type headerFile struct {
	name string
	file *SecretFile
}

// newHeaderFiles reads what Spec.HeaderFiles names. Neither here nor later does an error hold anything of a value.
func newHeaderFiles(text string) ([]headerFile, error) {
	names, err := parseHeaders(text)
	if err != nil {
		return nil, fmt.Errorf("header: %w", err)
	}
	var all []headerFile
	for name, paths := range names {
		for _, path := range paths {
			file, err := NewSecretFile(path)
			if err != nil {
				return nil, fmt.Errorf("header: %s from the file %s: %w", name, path, err)
			}
			all = append(all, headerFile{name, file})
		}
	}
	return all, nil
}

// withFiles gives header with the fields that are in files, and leaves header as it is.
func withFiles(header http.Header, files []headerFile) http.Header {
	if len(files) == 0 {
		return header
	}
	header = header.Clone()
	for _, f := range files {
		header[f.name] = []string{f.file.Current()}
	}
	return header
}

// SecretFile follows the first line of a file that changes. All that have the same file share one.
type SecretFile struct {
	path string

	mu    sync.Mutex
	stamp stamp // of the file that text was read from
	text  string
}

var secretFiles shared[string, SecretFile]

// NewSecretFile reads the file. It fails if there is no line that can be used.
func NewSecretFile(path string) (*SecretFile, error) {
	l, err := secretFiles.get(path, func() (*SecretFile, error) {
		l := &SecretFile{path: path}
		return l, l.reload()
	})
	if err != nil {
		return nil, err
	}
	return l, l.reload()
}

// Current is what the line holds, or while it cannot be used what it held before.
func (l *SecretFile) Current() string {
	_ = l.reload() // the last good content stays, and the next attempt tries again
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text
}

// reload reads the file if it has changed.
func (l *SecretFile) reload() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	now, err := stampOf(l.path)
	if err != nil {
		return err
	}
	if l.text != "" && now.same(l.stamp) {
		return nil
	}
	text, err := readSecret(l.path)
	if err != nil {
		return err
	}
	l.text, l.stamp = text, now
	return nil
}

func readSecret(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", withoutPath(err)
	}
	defer f.Close()
	line, err := bufio.NewReader(io.LimitReader(f, maxSecret+1)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", withoutPath(err)
	}
	text := strings.TrimSpace(line)
	switch {
	case len(line) > maxSecret:
		return "", fmt.Errorf("its first line is longer than %d bytes", maxSecret)
	case text == "":
		return "", errors.New("its first line is empty")
	case hasControl(text):
		return "", errors.New("its first line holds a control character")
	default:
		return text, nil
	}
}
