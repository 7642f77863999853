package machine

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestABundleIsFoundOnceHoweverManyPathsLeadToIt(t *testing.T) {
	directory := t.TempDir()
	in := func(name string) string { return filepath.Join(directory, name) }
	for name, content := range map[string]string{"real": "first", "other": "second", "empty": ""} {
		if err := os.WriteFile(in(name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	os.Symlink("real", in("link"))
	os.Symlink("nowhere", in("dangling"))
	os.Symlink("/dev/zero", in("endless"))
	os.Mkdir(in("directory"), 0o755)
	unix.Mkfifo(in("fifo"), 0o644)
	os.WriteFile(in("large"), []byte(strings.Repeat("x", largestBundleBytes+1)), 0o644)
	names := []string{"missing", "dangling", "endless", "directory", "fifo", "empty", "large", "link", "real", "other"}
	var candidates []string
	for _, name := range names {
		candidates = append(candidates, in(name))
	}
	found, content := findBundles(candidates)
	if string(content) != "first" || len(found.paths) != 2 || filepath.Base(found.paths[0]) != "real" || filepath.Base(found.paths[1]) != "other" {
		t.Fatal(found.paths, string(content))
	}
	if !found.areAsTheyWere() {
		t.Fatal("nothing was changed")
	}
	os.WriteFile(in("missing"), []byte("no more"), 0o644)
	if found.areAsTheyWere() {
		t.Fatal("one came")
	}
}

func TestOurCertificatesComeAfterAWholeLastLine(t *testing.T) {
	for bundle, wanted := range map[string]string{"": "", "a\n": "a\n", "a": "a\n"} {
		if got := string(withLastLine([]byte(bundle))); got != wanted {
			t.Errorf("%q: %q", bundle, got)
		}
	}
}

func TestTheSameCertificatesAgainChangeNothing(t *testing.T) {
	known := trust{certificates: "same", variables: map[string]string{"SSL_CERT_FILE": "kept"}}
	if got := known.renew("same"); got["SSL_CERT_FILE"] != "kept" {
		t.Fatal(got)
	}
	if got := (&trust{}).renew(""); got != nil {
		t.Fatal(got)
	}
}
