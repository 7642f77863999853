package files

import (
	"archive/tar"
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"alcove.dev/agent/failure"
)

type tarEntry struct {
	tar.Header
	content string
}

func tarOf(t *testing.T, entries ...tarEntry) *bytes.Buffer {
	t.Helper()
	var out bytes.Buffer
	writer := tar.NewWriter(&out)
	for _, entry := range entries {
		header := entry.Header
		header.Size, header.Uid, header.Gid = int64(len(entry.content)), os.Getuid(), os.Getgid()
		if header.Mode == 0 {
			header.Mode = 0o644
		}
		if err := writer.WriteHeader(&header); err != nil {
			t.Fatal(err)
		}
		writer.Write([]byte(entry.content))
	}
	writer.Close()
	return &out
}

func file(name, content string) tarEntry {
	return tarEntry{tar.Header{Typeflag: tar.TypeReg, Name: name}, content}
}

func symlink(name, target string) tarEntry {
	return tarEntry{tar.Header{Typeflag: tar.TypeSymlink, Name: name, Linkname: target}, ""}
}

func hardlink(name, target string) tarEntry {
	return tarEntry{tar.Header{Typeflag: tar.TypeLink, Name: name, Linkname: target}, ""}
}

func directory(name string) tarEntry {
	return tarEntry{tar.Header{Typeflag: tar.TypeDir, Name: name, Mode: 0o755}, ""}
}

// place makes a directory to unpack into, beside a secret that no archive may touch.
func place(t *testing.T) (inside, secret string) {
	t.Helper()
	outside := t.TempDir()
	inside, secret = filepath.Join(outside, "inside"), filepath.Join(outside, "secret")
	os.Mkdir(inside, 0o755)
	os.WriteFile(secret, []byte("secret"), 0o644)
	return inside, secret
}

func TestNoArchiveWritesOutsideItsDirectory(t *testing.T) {
	inside, secret := place(t)
	outside := filepath.Dir(secret)
	os.Symlink(outside, filepath.Join(inside, "planted"))
	attacks := map[string][]tarEntry{
		"dots":                           {file("../secret", "x")},
		"dots inside":                    {file("a/../../secret", "x")},
		"absolute name":                  {file(secret, "x")},
		"link up, then through it":       {symlink("up", ".."), file("up/secret", "x")},
		"absolute link, then through it": {symlink("out", outside), file("out/secret", "x")},
		"link that was there":            {file("planted/secret", "x")},
		"link replaced by a file":        {symlink("f", "../secret"), file("f", "x")},
		"hard link out":                  {hardlink("h", "../secret"), file("h", "x")},
		"hard link by absolute name":     {hardlink("h", secret)},
		"hard link through a link":       {symlink("up", ".."), hardlink("h", "up/secret")},
		"directory over a link":          {symlink("d", ".."), directory("d"), file("d/secret", "x")},
		"chain of links":                 {symlink("a", "b"), symlink("b", ".."), file("a/secret", "x")},
		"magic link":                     {symlink("root", "/proc/self/root"), file("root"+secret, "x")},
		"mode through a link":            {symlink("m", "../secret"), {tar.Header{Typeflag: tar.TypeDir, Name: "m", Mode: 0o777}, ""}},
	}
	for name, entries := range attacks {
		Extract(inside, tarOf(t, entries...), nil)
		info, err := os.Lstat(secret)
		content, _ := os.ReadFile(secret)
		if err != nil || string(content) != "secret" || info.Mode() != 0o644 {
			t.Fatalf("%s: the secret is %q, %v", name, content, info)
		}
		if names, _ := os.ReadDir(outside); len(names) != 2 {
			t.Fatalf("%s: there are %d names outside", name, len(names))
		}
		for _, left := range []string{"up", "out", "f", "h", "d", "a", "b", "root", "m"} {
			os.RemoveAll(filepath.Join(inside, left))
		}
	}
}

func TestAHardLinkOutsideIsRefusedByName(t *testing.T) {
	inside, _ := place(t)
	_, err := Extract(inside, tarOf(t, hardlink("h", "../secret")), nil)
	if codeOf(err) != failure.InvalidRequest {
		t.Fatalf("answered %v", err)
	}
}

func TestAnArchiveComesBackAsItWas(t *testing.T) {
	source, copied := t.TempDir(), filepath.Join(t.TempDir(), "made", "anew")
	old := time.Unix(1_600_000_000, 0)
	os.MkdirAll(filepath.Join(source, "deep/er"), 0o750)
	os.WriteFile(filepath.Join(source, "deep/er/file"), []byte("content"), 0o600)
	os.Chmod(filepath.Join(source, "deep/er/file"), 0o711|os.ModeSetuid)
	os.Link(filepath.Join(source, "deep/er/file"), filepath.Join(source, "second"))
	os.Symlink("deep/er/file", filepath.Join(source, "link"))
	os.Chtimes(filepath.Join(source, "deep/er"), old, old)
	archive, err := OpenArchive(source)
	if err != nil {
		t.Fatal(err)
	}
	defer archive.Close()
	var out bytes.Buffer
	if err := archive.WriteTo(context.Background(), &out); err != nil {
		t.Fatal(err)
	}
	if entries, err := Extract(copied, &out, nil); err != nil || entries != 5 {
		t.Fatalf("%d entries, %v", entries, err)
	}
	first, _ := os.Stat(filepath.Join(copied, "deep/er/file"))
	second, err := os.Stat(filepath.Join(copied, "second"))
	if err != nil || !os.SameFile(first, second) || first.Mode() != 0o711|os.ModeSetuid {
		t.Fatalf("%v %v %v", first, second, err)
	}
	if content, _ := os.ReadFile(filepath.Join(copied, "link")); string(content) != "content" {
		t.Fatalf("behind the link is %q", content)
	}
	if info, _ := os.Stat(filepath.Join(copied, "deep/er")); !info.ModTime().Equal(old) {
		t.Fatalf("the directory is of %v", info.ModTime())
	}
}

// As nanoseconds in 64 bits it would be another year.
func TestTimesThatAreFarOffAreKept(t *testing.T) {
	inside, _ := place(t)
	far := time.Date(2400, 2, 29, 1, 2, 3, 0, time.UTC)
	entries := []tarEntry{file("file", "x"), directory("made"), symlink("link", "file")}
	for index := range entries {
		entries[index].ModTime = far
	}
	if _, err := Extract(inside, tarOf(t, entries...), nil); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"file", "made", "link"} {
		if info, err := os.Lstat(filepath.Join(inside, name)); err != nil || !info.ModTime().Equal(far) {
			t.Errorf("%s is of %v, %v", name, info.ModTime(), err)
		}
	}
}

func TestALinkedDirectoryBeneathIsUsable(t *testing.T) {
	inside, _ := place(t)
	_, err := Extract(inside, tarOf(t, directory("real"), symlink("alias", "real"), file("alias/file", "x")), nil)
	if err != nil {
		t.Fatal(err)
	}
	if content, _ := os.ReadFile(filepath.Join(inside, "real/file")); string(content) != "x" {
		t.Fatalf("the file is %q", content)
	}
}

func TestWhatIsNoTarIsRefused(t *testing.T) {
	inside, _ := place(t)
	if _, err := Extract(inside, bytes.NewReader(bytes.Repeat([]byte("no tar"), 1000)), nil); codeOf(err) != failure.InvalidRequest {
		t.Fatalf("answered %v", err)
	}
}
