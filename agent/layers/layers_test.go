package layers

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"alcove.dev/agent/failure"
)

func device(name string, kind uint32, major, minor int64) entry {
	flag := byte(tar.TypeChar)
	if kind == unix.S_IFBLK {
		flag = tar.TypeBlock
	}
	return entry{tar.Header{Typeflag: flag, Name: name, Mode: 0o666, Devmajor: major, Devminor: minor, Uid: 3, Gid: 4}, ""}
}

func TestEveryKindOfEntryIsMade(t *testing.T) {
	root, _ := place(t)
	long := strings.Repeat("long/", 60) + strings.Repeat("n", 200)
	done := apply(t, root,
		entry{tar.Header{Typeflag: tar.TypeReg, Name: "su", Mode: 0o6755, Uid: 1_000, Gid: 4_000_000_000}, "program"},
		entry{tar.Header{Typeflag: tar.TypeLink, Name: "su2", Linkname: "su", Mode: 0o6755, Uid: 1_000, Gid: 4_000_000_000}, ""},
		device("dev/null", unix.S_IFCHR, 1, 3), device("dev/disk", unix.S_IFBLK, 259, 70_000),
		entry{tar.Header{Typeflag: tar.TypeFifo, Name: "fifo", Mode: 0o600}, ""},
		entry{tar.Header{Typeflag: tar.TypeSymlink, Name: "link", Linkname: "/nowhere", Uid: 7, Gid: 8}, ""},
		entry{tar.Header{Typeflag: tar.TypeDir, Name: "sticky/", Mode: 0o1777, Uid: 5}, ""},
		file(long, "deep"), file("zero", ""))
	if done.Entries != 9 || done.Bytes != int64(len("program")+len("deep")) {
		t.Errorf("told %+v", done)
	}
	su := status(t, root, "su")
	if su.Mode != unix.S_IFREG|0o6755 || su.Uid != 1_000 || su.Gid != 4_000_000_000 || su.Nlink != 2 || su.Ino != status(t, root, "su2").Ino {
		t.Errorf("su is %+v", su)
	}
	if got := time.Unix(su.Mtim.Unix()); !got.Equal(longAgo) {
		t.Errorf("its time is %v", got)
	}
	disk := status(t, root, "dev/disk")
	if disk.Mode != unix.S_IFBLK|0o666 || disk.Rdev != unix.Mkdev(259, 70_000) || disk.Uid != 3 || disk.Gid != 4 {
		t.Errorf("the device is %+v", disk)
	}
	link := status(t, root, "link")
	if link.Mode&unix.S_IFMT != unix.S_IFLNK || link.Uid != 7 || link.Gid != 8 || link.Mtim.Sec != longAgo.Unix() {
		t.Errorf("the link is %+v", link)
	}
	if sticky := status(t, root, "sticky"); sticky.Mode != unix.S_IFDIR|0o1777 || sticky.Uid != 5 {
		t.Errorf("the directory is %+v", sticky)
	}
	if fifo := status(t, root, "fifo"); fifo.Mode != unix.S_IFIFO|0o600 {
		t.Errorf("the FIFO is %+v", fifo)
	}
	if read(t, root, long) != "deep" {
		t.Error("the long name has something else")
	}
}

func TestAttributesAreKept(t *testing.T) {
	root, _ := place(t)
	capability := "\x01\x00\x00\x02\x00\x20\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
	with := func(one entry) entry {
		one.PAXRecords = map[string]string{"SCHILY.xattr.trusted.test": "value"}
		return one
	}
	ping := file("ping", "program")
	ping.PAXRecords = map[string]string{"SCHILY.xattr.security.capability": capability, "SCHILY.xattr.user.mime": "x"}
	ping.Uid, ping.Mode = 1, 0o4755
	apply(t, root, ping, with(dir("d")), with(symlink("link", "/nowhere")), with(device("null", unix.S_IFCHR, 1, 3)))
	if got := attribute(t, filepath.Join(root, "ping"), "security.capability"); got != capability {
		t.Errorf("the capability is %q", got)
	}
	for _, name := range []string{"d", "link", "null"} {
		if got := attribute(t, filepath.Join(root, name), "trusted.test"); got != "value" {
			t.Errorf("the attribute of %s is %q", name, got)
		}
	}
}

func attribute(t *testing.T, path, name string) string {
	t.Helper()
	value := make([]byte, 100)
	length, err := unix.Lgetxattr(path, name, value)
	if err != nil {
		return err.Error()
	}
	return string(value[:length])
}

func TestAnAttributeThatCannotBeIsRefused(t *testing.T) {
	root, _ := place(t)
	ping := file("ping", "program")
	ping.PAXRecords = map[string]string{"SCHILY.xattr.security.capability": "nonsense"}
	if failed := refused(t, root, failure.InvalidRequest, ping); !strings.Contains(failed.Message, "security.capability") {
		t.Error(failed)
	}
	unknown := file("odd", "x")
	unknown.PAXRecords = map[string]string{"SCHILY.xattr.com.apple.quarantine": "x"}
	apply(t, root, unknown)
}

func TestAnUpperLayerReplacesWhateverHasTheName(t *testing.T) {
	kinds := map[string]func(name string) []entry{
		"file":      func(name string) []entry { return []entry{file(name, "content")} },
		"directory": func(name string) []entry { return []entry{dir(name), file(name+"/in", "in")} },
		"symlink":   func(name string) []entry { return []entry{symlink(name, "other")} },
		"hard link": func(name string) []entry { return []entry{file("other-file", "other"), hardlink(name, "other-file")} },
		"device":    func(name string) []entry { return []entry{device(name, unix.S_IFCHR, 1, 5)} },
		"fifo":      func(name string) []entry { return []entry{{tar.Header{Typeflag: tar.TypeFifo, Name: name}, ""}} },
	}
	for lower, below := range kinds {
		for upper, above := range kinds {
			t.Run(lower+" by "+upper, func(t *testing.T) {
				root, _ := place(t)
				fresh, _ := place(t)
				apply(t, root, append([]entry{dir("other"), file("other/safe", "safe")}, below("x")...)...)
				apply(t, root, above("x")...)
				apply(t, fresh, append([]entry{dir("other"), file("other/safe", "safe")}, above("x")...)...)
				if lower == "hard link" {
					must(t, os.RemoveAll(filepath.Join(root, "other-file")))
					must(t, os.RemoveAll(filepath.Join(fresh, "other-file")))
				}
				if got, wanted := listing(t, root), listing(t, fresh); !reflect.DeepEqual(got, wanted) {
					t.Errorf("there is %v, not %v", got, wanted)
				}
				if got, wanted := status(t, root, "x"), status(t, fresh, "x"); got.Mode != wanted.Mode || got.Rdev != wanted.Rdev {
					t.Errorf("it is %+v", got)
				}
			})
		}
	}
}

func TestADirectoryThatIsThereKeepsWhatIsInIt(t *testing.T) {
	root, _ := place(t)
	apply(t, root, dir("d"), file("d/below", "below"))
	apply(t, root, entry{tar.Header{Typeflag: tar.TypeDir, Name: "d", Mode: 0o700, Uid: 9}, ""}, file("d/above", "above"))
	if found := status(t, root, "d"); found.Mode&0o7777 != 0o700 || found.Uid != 9 || found.Mtim.Sec != longAgo.Unix() {
		t.Errorf("it is %+v", found)
	}
	if read(t, root, "d/below") != "below" || read(t, root, "d/above") != "above" {
		t.Error("its files are lost")
	}
}

func TestADirectoryThatIsReplacedGivesItsTimeToNobody(t *testing.T) {
	root, _ := place(t)
	apply(t, root, dir("b"))
	a := dir("a")
	a.ModTime = longAgo.Add(time.Hour)
	apply(t, root, a, symlink("a", "b"))
	if found := status(t, root, "b"); found.Mtim.Sec != longAgo.Unix() {
		t.Errorf("it is of %v", time.Unix(found.Mtim.Unix()))
	}
}

func TestAHardLinkedFileThatIsReplacedLeavesTheOther(t *testing.T) {
	root, _ := place(t)
	apply(t, root, file("a", "old"), hardlink("b", "a"))
	apply(t, root, file("a", "new"))
	if read(t, root, "b") != "old" || read(t, root, "a") != "new" {
		t.Errorf("a is %q, b is %q", read(t, root, "a"), read(t, root, "b"))
	}
	apply(t, root, file("c", "c"), hardlink("c", "c"), hardlink("a", "b"))
	if read(t, root, "c") != "c" || read(t, root, "a") != "old" {
		t.Error("a link to itself took the file away")
	}
}

func TestALinkedParentIsWrittenThroughInside(t *testing.T) {
	root, _ := place(t)
	apply(t, root, dir("their"), dir("their/lib"), symlink("lib", "their/lib"), symlink("abs", "/their/lib"), symlink("late", "not/../made/yet"))
	apply(t, root, file("lib/a", "a"), file("abs/b", "b"), file("late/c", "c"))
	if read(t, root, "their/lib/a") != "a" || read(t, root, "their/lib/b") != "b" || read(t, root, "made/yet/c") != "c" {
		t.Errorf("there is %v", listing(t, root))
	}
	if status(t, root, "lib").Mode&unix.S_IFMT != unix.S_IFLNK {
		t.Error("the link is gone")
	}
}

func TestSparseFilesHaveHoles(t *testing.T) {
	root, _ := place(t)
	content := make([]byte, 8<<20)
	copy(content[3<<20:], "in the middle")
	apply(t, root, file("sparse", string(content)), file("hole", string(make([]byte, 1<<20))), file("odd", strings.Repeat("x", 5_000)+string(make([]byte, 9_001))))
	found := status(t, root, "sparse")
	if found.Size != int64(len(content)) || found.Blocks*512 > 64<<10 || read(t, root, "sparse") != string(content) {
		t.Errorf("it has %d bytes in %d", found.Size, found.Blocks*512)
	}
	if hole := status(t, root, "hole"); hole.Size != 1<<20 || hole.Blocks != 0 {
		t.Errorf("the hole is %+v", hole)
	}
	if read(t, root, "odd") != strings.Repeat("x", 5_000)+string(make([]byte, 9_001)) {
		t.Error("the odd one is not the same")
	}
}

func TestEntriesOfNobodyAreRefused(t *testing.T) {
	for _, id := range []int{-1, 1<<32 - 1, 1 << 33} {
		root, _ := place(t)
		one := file("x", "x")
		one.Uid = id
		var out bytes.Buffer
		writer := tar.NewWriter(&out)
		one.Size, one.Format = 1, tar.FormatGNU
		must(t, writer.WriteHeader(&one.Header))
		writer.Write([]byte("x"))
		writer.Close()
		if _, err := Apply(root, &out); failure.From(err).Code != failure.InvalidRequest {
			t.Errorf("%d: %v", id, err)
		}
	}
}

func TestABrokenLayerIsRefusedWithItsPlace(t *testing.T) {
	whole := layerOf(t, file("first", "first"), file("second", strings.Repeat("second", 1_000)))
	for name, layer := range map[string][]byte{
		"cut in a header":     whole[:700],
		"cut in a header too": whole[:2*1_024+512+100],
		"cut in a file":       whole[:4_000],
		"no tar at all":       bytes.Repeat([]byte("<html>"), 1_000),
		"compressed":          append([]byte("\x1f\x8b\x08"), bytes.Repeat([]byte{7}, 2_000)...),
	} {
		root, _ := place(t)
		_, err := Apply(root, bytes.NewReader(layer))
		if failed := failure.From(err); err == nil || failed.Code != failure.InvalidRequest || !strings.HasSuffix(failed.Message, ".") {
			t.Errorf("%s: %v", name, err)
		}
	}
	root, _ := place(t)
	_, err := Apply(root, bytes.NewReader(whole[:4_000]))
	if !strings.Contains(err.Error(), `"second"`) {
		t.Errorf("the entry is not named: %v", err)
	}
}

// docker load (20.10) takes them too, and skopeo copies them.
func TestAnArchiveMayEndWithoutItsMark(t *testing.T) {
	const mark = 1_024
	whole := layerOf(t, file("first", "first"), file("last", "last"))
	bare := whole[:len(whole)-mark]
	for name, layer := range map[string][]byte{"no mark": bare, "half a mark": whole[:len(whole)-512]} {
		root, _ := place(t)
		if done, err := Apply(root, bytes.NewReader(layer)); err != nil || done.Entries != 2 || read(t, root, "last") != "last" {
			t.Errorf("%s: %+v, %v", name, done, err)
		}
	}
	for name, layer := range map[string][]byte{"cut in the mark": whole[:len(bare)+100], "cut in the last padding": bare[:len(bare)-100]} {
		root, _ := place(t)
		if _, err := Apply(root, bytes.NewReader(layer)); failure.From(err).Code != failure.InvalidRequest {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestALayerWithoutEndIsRefused(t *testing.T) {
	root, _ := place(t)
	endless := io.MultiReader(bytes.NewReader(layerOf(t, file("x", "x"))), zeroes{})
	if _, err := Apply(root, endless); failure.From(err).Code != failure.InvalidRequest || !strings.Contains(err.Error(), "follow the end") {
		t.Errorf("padding: %v", err)
	}
	defer func(count int) { maxEntries = count }(maxEntries)
	maxEntries = 10_000
	if _, err := Apply(root, &sameFile{}); failure.From(err).Code != failure.InvalidRequest || !strings.Contains(err.Error(), "more than 10000 entries") {
		t.Errorf("entries: %v", err)
	}
	var bomb bytes.Buffer
	writer := tar.NewWriter(&bomb)
	must(t, writer.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: "bomb", Size: 1 << 60, Format: tar.FormatGNU}))
	if _, err := Apply(root, io.MultiReader(&bomb, zeroes{})); failure.From(err).Code != failure.DiskFull || !strings.Contains(err.Error(), "bomb") {
		t.Errorf("a file: %v", err)
	}
}

type zeroes struct{}

func (zeroes) Read(into []byte) (int, error) {
	clear(into)
	return len(into), nil
}

// sameFile is the header of an empty directory again and again.
type sameFile struct {
	header []byte
	at     int
}

func (s *sameFile) Read(into []byte) (int, error) {
	if s.header == nil {
		var out bytes.Buffer
		tar.NewWriter(&out).WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: "d/", Mode: 0o755})
		s.header = out.Bytes()
	}
	count := copy(into, s.header[s.at:])
	s.at = (s.at + count) % len(s.header)
	return count, nil
}

func TestADiskThatIsFullIsSaid(t *testing.T) {
	root, _ := place(t)
	if err := unix.Mount("none", root, "tmpfs", 0, "size=1m"); err != nil {
		t.Skip("nothing can be mounted here:", err)
	}
	defer unix.Unmount(root, unix.MNT_DETACH)
	entries := []entry{}
	for number := range 400 {
		entries = append(entries, file(fmt.Sprint("small-", number), "each takes a block"))
	}
	if failed := refused(t, root, failure.DiskFull, entries...); !strings.Contains(failed.Message, `"small-`) {
		t.Error(failed)
	}
}

func TestATreeOfAnyDepthIsTakenAwayOrRefused(t *testing.T) {
	root, _ := place(t)
	deep := strings.Repeat("d/", 1_500)
	apply(t, root, dir("top/"+deep), symlink("way", "top/"+deep), dir("way/"+deep))
	if _, err := Apply(root, bytes.NewReader(layerOf(t, file("top", "a file")))); err != nil && failure.From(err).Code != failure.InvalidRequest && failure.From(err).Code != failure.InternalError {
		t.Error(err)
	}
	must(t, os.RemoveAll(filepath.Join(root, "top")))
}

func TestTwentyThousandDirectoriesKeepTheirTimes(t *testing.T) {
	root, _ := place(t)
	entries := []entry{}
	for number := range 2_000 {
		name := fmt.Sprintf("%s/%d", strings.Repeat("n", 100), number)
		entries = append(entries, dir(name), file(name+"/file", "x"))
	}
	apply(t, root, entries...)
	for number := range 2_000 {
		if found := status(t, root, fmt.Sprintf("%s/%d", strings.Repeat("n", 100), number)); found.Mtim.Sec != longAgo.Unix() || found.Mtim.Nsec != int64(longAgo.Nanosecond()) {
			t.Fatalf("%d is of %v", number, time.Unix(found.Mtim.Unix()))
		}
	}
}

// An entry for a second name tells owner and mode once more; where it tells others, they hold for both names.
func TestALinkSaysOwnerAndModeAnew(t *testing.T) {
	root, _ := place(t)
	link := hardlink("b", "a")
	link.Mode, link.Uid, link.Gid = 0o4711, 12, 34
	apply(t, root, file("a", "x"), link)
	for _, name := range []string{"a", "b"} {
		if found := status(t, root, name); found.Mode&0o7777 != 0o4711 || found.Uid != 12 || found.Gid != 34 || found.Nlink != 2 {
			t.Errorf("%s: %+v", name, found)
		}
	}
}
