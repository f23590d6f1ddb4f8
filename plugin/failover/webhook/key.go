package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"
)

const (
	leastKey = 16       // octets
	mostKey  = 8 * 1024 // octets of the file
	// prefixed keys are what the libraries of Standard Webhooks take: base64 behind this.
	keyPrefix = "whsec_"
)

// readKey reads the key in the first line of a file. The errors hold nothing of it.
func readKey(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("token_file: %w", err)
	}
	if !info.Mode().IsRegular() { // reading a pipe or a device would never end
		return nil, fmt.Errorf("token_file: %s is not a file", path)
	}
	f, err := os.Open(path) // #nosec G304 -- the operator names it
	if err != nil {
		return nil, fmt.Errorf("token_file: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, mostKey+1))
	if err != nil {
		return nil, fmt.Errorf("token_file: %w", err)
	}
	if len(text) > mostKey {
		return nil, fmt.Errorf("token_file: %s is longer than %d octets", path, mostKey)
	}
	line, _, _ := strings.Cut(string(text), "\n")
	line = strings.TrimSpace(line)
	key := []byte(line)
	if encoded, is := strings.CutPrefix(line, keyPrefix); is {
		if key, err = base64.StdEncoding.DecodeString(encoded); err != nil {
			return nil, fmt.Errorf("token_file: what follows %s in %s is not base64", keyPrefix, path)
		}
	}
	switch {
	case line == "":
		return nil, fmt.Errorf("token_file: the first line of %s is empty", path)
	case len(key) < leastKey:
		return nil, fmt.Errorf("token_file: the key in %s has less than %d octets", path, leastKey)
	}
	return key, nil
}

// signer signs with the key in a file, which may change.
type signer struct {
	path string
	key  []byte // the last good one
}

// sign gives the signature that Standard Webhooks has in the header webhook-signature, nothing without a file.
func (s *signer) sign(id string, at time.Time, body []byte) (string, error) {
	if s.path == "" {
		return "", nil
	}
	if key, err := readKey(s.path); err == nil {
		s.key = key
	} else if s.key == nil {
		return "", err
	}
	mac := hmac.New(sha256.New, s.key)
	mac.Write([]byte(id + "." + strconv.FormatInt(at.Unix(), 10) + "."))
	mac.Write(body)
	return "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil)), nil
}
