package test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// statements are the numbers of the specification that this version claims. Each has at least one test whose name
// begins with it: TestR06_..., or TestR06_R07_... for several.
const statements = `
	R01 R02 R03 R04 R05 R06 R07 R08 R09 R10 R11 R12 R17 R18 R19 R21
	A01 A02 A03 A04 A05 A06 A07
	H01 H02 H03 H04 H06 H07 H08 H09 H10 H11 H12 H13 H16
	C01 C02
	D01 D02 D03 D04 D05 D06 D10
	O01 O03`

var (
	claims = regexp.MustCompile(`^Test((?:[A-Z][0-9]{2}_)+)`)
	number = regexp.MustCompile(`[A-Z][0-9]{2}`)
)

// TestEveryStatementHasATest reads the test files of the whole repository.
func TestEveryStatementHasATest(t *testing.T) {
	found := map[string]bool{}
	err := filepath.WalkDir("..", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if name := entry.Name(); name == "bin" || name == "testdata" || strings.HasPrefix(name, ".") && name != ".." {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(path, "_test.go") {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		for _, decl := range file.Decls {
			if f, is := decl.(*ast.FuncDecl); is && f.Recv == nil {
				for _, id := range number.FindAllString(claims.FindString(f.Name.Name), -1) {
					found[id] = true
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	claimed := strings.Fields(statements)
	for _, id := range claimed {
		if !found[id] {
			t.Errorf("Expected a test of statement %s, found none", id)
		}
	}
	for id := range found {
		if !slices.Contains(claimed, id) {
			t.Logf("Statement %s has a test but is not claimed", id)
		}
	}
}
