package main

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// keyFile is that of the key which signs the tokens of service accounts. It is made once.
func keyFile(dir string) (string, error) {
	path := filepath.Join(dir, "sa.key")
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		return path, err
	}
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return "", err
	}
	block := &pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}
	return path, os.WriteFile(path, pem.EncodeToMemory(block), 0o600)
}

// tokenFile is that with the administrator's token, which it returns too. It is made once.
func tokenFile(dir string) (path, token string, err error) {
	path = filepath.Join(dir, "tokens.csv")
	content, err := os.ReadFile(path)
	if err == nil {
		token, _, found := strings.Cut(string(content), ",")
		if !found {
			return "", "", fmt.Errorf("%s holds no token", path)
		}
		return path, token, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return "", "", err
	}
	token = rand.Text()
	return path, token, os.WriteFile(path, []byte(token+",admin,1,\"system:masters\"\n"), 0o600)
}
