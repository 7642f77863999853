package files

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"alcove.dev/agent/failure"
)

func codeOf(err error) failure.Code {
	if err == nil {
		return ""
	}
	return failure.From(err).Code
}

func TestAWriteThatBreaksOffLeavesTheOldFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	os.WriteFile(path, []byte("old"), 0o640)
	broken := io.MultiReader(strings.NewReader("new and long"), &failing{})
	if _, err := Write(path, broken, WriteOptions{Sync: true}); codeOf(err) != failure.InvalidRequest {
		t.Fatalf("answered %v", err)
	}
	if content, _ := os.ReadFile(path); string(content) != "old" {
		t.Fatalf("the file is %q", content)
	}
	if names, _ := os.ReadDir(filepath.Dir(path)); len(names) != 1 {
		t.Fatalf("%d names are left", len(names))
	}
}

type failing struct{}

func (*failing) Read([]byte) (int, error) { return 0, errors.New("cut off") }

func TestAWriteKeepsModeUnlessTold(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	os.WriteFile(path, nil, 0o640)
	mode := uint32(0o4755)
	for _, row := range []struct {
		given  *uint32
		wanted os.FileMode
	}{{nil, 0o640}, {&mode, 0o755 | os.ModeSetuid}} {
		if written, err := Write(path, strings.NewReader("content"), WriteOptions{Mode: row.given}); err != nil || written != 7 {
			t.Fatal(written, err)
		}
		if info, _ := os.Stat(path); info.Mode() != row.wanted {
			t.Errorf("mode is %v, not %v", info.Mode(), row.wanted)
		}
	}
}

func TestAWriteGoesThroughALink(t *testing.T) {
	directory := t.TempDir()
	target, link := filepath.Join(directory, "target"), filepath.Join(directory, "link")
	os.WriteFile(target, nil, 0o600)
	os.Symlink("target", link)
	if _, err := Write(link, strings.NewReader("through"), WriteOptions{}); err != nil {
		t.Fatal(err)
	}
	if content, _ := os.ReadFile(target); string(content) != "through" {
		t.Fatalf("the target is %q", content)
	}
	if entry, err := Stat(link, false); err != nil || !entry.IsSymlink || entry.SymlinkTarget != "target" {
		t.Fatalf("%+v %v", entry, err)
	}
}

func TestOddFilesAreRefusedWithoutWaiting(t *testing.T) {
	directory := t.TempDir()
	fifo := filepath.Join(directory, "fifo")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		path string
		code failure.Code
	}{{fifo, failure.NotARegularFile}, {"/dev/zero", failure.NotARegularFile}, {directory, failure.IsADirectory}, {directory + "/none", failure.FileNotFound}, {fifo + "/x", failure.NotADirectory}} {
		if _, err := OpenForReading(row.path, 0, -1); codeOf(err) != row.code {
			t.Errorf("reading %s answered %v", row.path, err)
		}
		if row.code == failure.FileNotFound {
			continue
		}
		if _, err := Write(row.path, strings.NewReader("x"), WriteOptions{}); codeOf(err) != row.code {
			t.Errorf("writing %s answered %v", row.path, err)
		}
	}
}

func TestAPartIsRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	os.WriteFile(path, []byte("0123456789"), 0o600)
	file, err := OpenForReading(path, 3, 4)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var out strings.Builder
	if err := file.CopyTo(&out); err != nil || out.String() != "3456" || file.Size != 10 || file.Mode != 0o600 {
		t.Fatalf("%q %v %+v", out.String(), err, file)
	}
}

func TestMovingAndDeletingSayWhatIsInTheWay(t *testing.T) {
	directory := t.TempDir()
	one, two := filepath.Join(directory, "one"), filepath.Join(directory, "two")
	os.WriteFile(one, []byte("1"), 0o600)
	os.WriteFile(two, []byte("2"), 0o600)
	if code := codeOf(Move(one, two, false)); code != failure.FileExists {
		t.Errorf("moving onto a file answered %v", code)
	}
	if err := Move(one, two, true); err != nil {
		t.Error(err)
	}
	if code := codeOf(Remove(directory, false)); code != failure.DirectoryNotEmpty {
		t.Errorf("deleting a full directory answered %v", code)
	}
	if code := codeOf(Remove("/", true)); code != failure.InvalidRequest {
		t.Errorf("deleting / answered %v", code)
	}
	if code := codeOf(MakeDirectory(two, false, nil)); code != failure.FileExists {
		t.Errorf("a directory over a file answered %v", code)
	}
	if err := MakeDirectory(filepath.Join(directory, "a/b/c"), true, nil); err != nil {
		t.Error(err)
	}
	if listing, err := List(directory); err != nil || len(listing.Entries) != 2 || listing.Entries[0].Name != "a" || !listing.Entries[0].IsDir {
		t.Errorf("%+v %v", listing, err)
	}
	if err := Remove(directory, true); err != nil {
		t.Error(err)
	}
}
