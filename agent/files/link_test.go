package files

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"alcove.dev/agent/failure"
)

func TestALinkIsMadeAndSeenWithOrWithoutWhatItPointsTo(t *testing.T) {
	folder := t.TempDir()
	target, link := filepath.Join(folder, "target"), filepath.Join(folder, "link")
	if err := os.WriteFile(target, []byte("12345"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Link(link, "target"); err != nil {
		t.Fatal(err)
	}
	itself, err := Stat(link, false)
	if err != nil || !itself.IsSymlink || itself.SymlinkTarget != "target" {
		t.Fatalf("%+v, %v", itself, err)
	}
	followed, err := Stat(link, true)
	if err != nil || followed.IsSymlink || followed.Size != 5 {
		t.Fatalf("%+v, %v", followed, err)
	}
	if err := Link(link, "other"); failure.From(err).Code != failure.FileExists {
		t.Fatalf("over a link: %v", err)
	}
}

func TestALinkMayPointNowhereButNotToNothing(t *testing.T) {
	folder := t.TempDir()
	if err := Link(filepath.Join(folder, "nowhere"), "/does/not/exist"); err != nil {
		t.Fatal(err)
	}
	if _, err := Stat(filepath.Join(folder, "nowhere"), true); failure.From(err).Code != failure.FileNotFound {
		t.Fatalf("followed: %v", err)
	}
	for _, target := range []string{"", "a\x00b", strings.Repeat("x", 5000)} {
		if err := Link(filepath.Join(folder, "bad"), target); failure.From(err).Code != failure.InvalidRequest {
			t.Fatalf("%.10q: %v", target, err)
		}
	}
}

func TestAVersionChangesWithTheContent(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	version := func() string {
		file, err := OpenForReading(path, 0, -1)
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		return file.Version
	}
	seen := map[string]bool{}
	for range 5 {
		if _, err := Write(path, strings.NewReader("same size"), WriteOptions{}); err != nil {
			t.Fatal(err)
		}
		seen[version()] = true
	}
	if len(seen) != 5 {
		t.Fatalf("%v", seen)
	}
	if version() != version() {
		t.Fatal("it changes by itself")
	}
}
