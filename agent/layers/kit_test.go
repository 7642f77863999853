package layers

import (
	"archive/tar"
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"alcove.dev/agent/failure"
)

type entry struct {
	tar.Header
	content string
}

var longAgo = time.Unix(1_500_000_000, 123_456_789)

func layerOf(t *testing.T, entries ...entry) []byte {
	t.Helper()
	var out bytes.Buffer
	writer := tar.NewWriter(&out)
	for _, entry := range entries {
		header := entry.Header
		header.Format, header.Size = tar.FormatPAX, int64(len(entry.content))
		if header.Mode == 0 {
			header.Mode = 0o644
		}
		if header.ModTime.IsZero() {
			header.ModTime = longAgo
		}
		if err := writer.WriteHeader(&header); err != nil {
			t.Fatal(err)
		}
		writer.Write([]byte(entry.content))
	}
	writer.Close()
	return out.Bytes()
}

func file(name, content string) entry {
	return entry{tar.Header{Typeflag: tar.TypeReg, Name: name}, content}
}

func symlink(name, target string) entry {
	return entry{tar.Header{Typeflag: tar.TypeSymlink, Name: name, Linkname: target, Mode: 0o777}, ""}
}

func hardlink(name, target string) entry {
	return entry{tar.Header{Typeflag: tar.TypeLink, Name: name, Linkname: target}, ""}
}

func dir(name string) entry {
	return entry{tar.Header{Typeflag: tar.TypeDir, Name: name + "/", Mode: 0o755}, ""}
}

// place is the root of an image beside a secret that no layer may touch.
func place(t *testing.T) (root, secret string) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root unpacks layers: it gives files away")
	}
	outside := t.TempDir()
	root, secret = filepath.Join(outside, "root"), filepath.Join(outside, "secret")
	must(t, os.Mkdir(root, 0o755))
	must(t, os.WriteFile(secret, []byte("secret"), 0o600))
	return root, secret
}

func apply(t *testing.T, root string, entries ...entry) Unpacked {
	t.Helper()
	done, err := Apply(root, bytes.NewReader(layerOf(t, entries...)))
	must(t, err)
	return done
}

func refused(t *testing.T, root string, code failure.Code, entries ...entry) *failure.Error {
	t.Helper()
	_, err := Apply(root, bytes.NewReader(layerOf(t, entries...)))
	if err == nil {
		t.Fatal("it was taken")
	}
	failed := failure.From(err)
	if failed.Code != code {
		t.Fatalf("refused with %v", failed)
	}
	return failed
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, parts ...string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(parts...))
	must(t, err)
	return string(content)
}

func status(t *testing.T, parts ...string) unix.Stat_t {
	t.Helper()
	var found unix.Stat_t
	must(t, unix.Lstat(filepath.Join(parts...), &found))
	return found
}

func isThere(parts ...string) bool {
	_, err := os.Lstat(filepath.Join(parts...))
	return err == nil
}

// listing is every name below the root, in order.
func listing(t *testing.T, root string) []string {
	t.Helper()
	names := []string{}
	must(t, filepath.WalkDir(root, func(path string, _ os.DirEntry, err error) error {
		if name, _ := filepath.Rel(root, path); name != "." {
			names = append(names, name)
		}
		return err
	}))
	return names
}
