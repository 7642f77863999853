package files

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// pages answers memory that begins with a page, as a disk wants it.
func pages(t *testing.T, bytes int) []byte {
	t.Helper()
	memory, err := unix.Mmap(-1, 0, bytes, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Munmap(memory) })
	return memory
}

// patterned has no period that divides a block.
func patterned(size int) []byte {
	content := make([]byte, size)
	for index := range content {
		content[index] = byte(index % 251)
	}
	return content
}

// places are where a file may lie: on a disk, and where there is no cache that could be passed by, or is none to be passed by.
func places(t *testing.T) []string {
	t.Helper()
	memory, err := os.MkdirTemp("/dev/shm", "direct-")
	if err != nil {
		return []string{t.TempDir()}
	}
	t.Cleanup(func() { os.RemoveAll(memory) })
	return []string{t.TempDir(), memory}
}

func TestWhatIsWrittenDirectlyIsWhole(t *testing.T) {
	memory := pages(t, 1<<20)
	for _, place := range places(t) {
		for _, pieces := range [][]int{{}, {0}, {1}, {4095}, {4096}, {4097}, {4096, 8192, 4096}, {8192, 1, 4096}, {512, 512}, {1 << 20, 1 << 20, 7}, {5000, 1 << 20}} {
			file, err := os.Create(filepath.Join(place, "file"))
			if err != nil {
				t.Fatal(err)
			}
			direct := directly(file)
			wanted := patterned(sum(pieces))
			rest := wanted
			for _, size := range pieces {
				copy(memory, rest[:size])
				rest = rest[size:]
				if written, err := direct.Write(memory[:size]); err != nil || written != size {
					t.Fatalf("%v in %s: %d of %d bytes were written, %v", pieces, place, written, size, err)
				}
			}
			file.Close()
			if got, err := os.ReadFile(file.Name()); err != nil || !bytes.Equal(got, wanted) {
				t.Errorf("%v in %s: %d of %d bytes are there, equal: %v, %v", pieces, place, len(got), len(wanted), bytes.Equal(got, wanted), err)
			}
		}
	}
}

func sum(numbers []int) (all int) {
	for _, number := range numbers {
		all += number
	}
	return all
}

func TestMemoryThatIsNoWholePageIsWrittenThroughTheCache(t *testing.T) {
	memory := pages(t, 64<<10)
	for _, place := range places(t) {
		file, err := os.Create(filepath.Join(place, "file"))
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		direct := directly(file)
		wanted := memory[1:][:3*blockBytes]
		copy(wanted, patterned(len(wanted)))
		for range 2 {
			if written, err := direct.Write(wanted); err != nil || written != len(wanted) {
				t.Fatalf("in %s %d bytes were written, %v", place, written, err)
			}
		}
		if got, _ := os.ReadFile(file.Name()); !bytes.Equal(got, append(bytes.Clone(wanted), wanted...)) {
			t.Errorf("in %s lie %d other bytes", place, len(got))
		}
	}
}

// aligned takes what a file gives as the exchange does: into memory that begins with a page.
type aligned struct {
	io.Writer
	memory []byte
}

func (a *aligned) ReadFrom(source io.Reader) (read int64, err error) {
	filled := 0
	for {
		count, err := source.Read(a.memory[filled:])
		filled += count
		if filled == len(a.memory) || err != nil {
			a.Write(a.memory[:filled])
			read, filled = read+int64(filled), 0
		}
		if err == io.EOF {
			return read, nil
		} else if err != nil {
			return read, err
		}
	}
}

func TestAnyPartIsReadDirectly(t *testing.T) {
	const size = 100_001
	content, memory := patterned(size), pages(t, 32<<10)
	for _, place := range places(t) {
		path := filepath.Join(place, "file")
		os.WriteFile(path, content, 0o600)
		for _, offset := range []int64{0, 1, 511, 512, 4095, 4096, 4097, size - 1, size, size + 1} {
			for _, length := range []int64{-1, 0, 1, 511, 4095, 4096, 4097, 32 << 10, 32<<10 + 1, 64 << 10, size, size + 4096} {
				from := min(offset, size)
				wanted := content[from:]
				if length >= 0 {
					wanted = wanted[:min(length, size-from)]
				}
				got, err := readDirectly(path, offset, length, memory)
				if err != nil || !bytes.Equal(got, wanted) {
					t.Errorf("%s, %d bytes from %d on: %d came, equal: %v, %v", place, length, offset, len(got), bytes.Equal(got, wanted), err)
				}
			}
		}
	}
}

func readDirectly(path string, offset, length int64, memory []byte) ([]byte, error) {
	file, err := OpenForReading(path, offset, length)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	file.Direct()
	var out bytes.Buffer
	err = file.CopyTo(&aligned{Writer: &out, memory: memory})
	return out.Bytes(), err
}

func TestAFileThatChangesWhileItIsReadDirectlyEnds(t *testing.T) {
	memory := pages(t, 8<<10)
	for name, row := range map[string]struct {
		size   int64
		wanted int
	}{"grows": {20_000, 20_000}, "grows by a little": {10_001, 10_001}, "is truncated": {5_000, 8 << 10}, "is emptied": {0, 8 << 10}} {
		path := filepath.Join(t.TempDir(), "file")
		os.WriteFile(path, patterned(10_000), 0o600)
		file, err := OpenForReading(path, 0, -1)
		if err != nil {
			t.Fatal(err)
		}
		file.Direct()
		got := 0
		change := writerFunc(func(from []byte) (int, error) {
			if got == 0 {
				os.Truncate(path, row.size)
			}
			got += len(from)
			return len(from), nil
		})
		if err := file.CopyTo(&aligned{Writer: change, memory: memory}); err != nil || got != row.wanted {
			t.Errorf("one that %s: %d bytes came, %v", name, got, err)
		}
		file.Close()
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(from []byte) (int, error) { return f(from) }

func TestWhereTheCacheCannotBePassedByItIsUsed(t *testing.T) {
	wanted, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		t.Skip(err)
	}
	file, err := os.Open("/proc/self/cgroup")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	direct := directly(file)
	if direct.direct {
		t.Error("a file of /proc is said to be read past its cache")
	}
	if got, err := io.ReadAll(direct); err != nil || !bytes.Equal(got, wanted) {
		t.Errorf("%q came, %v", got, err)
	}
}

func TestItStaysDirectAsLongAsBlocksAreWhole(t *testing.T) {
	file, err := os.Create(filepath.Join(t.TempDir(), "file"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	direct := directly(file)
	if !direct.direct {
		t.Skip("the file system of the temporary directory has no way past its cache")
	}
	memory := pages(t, 2*blockBytes)
	for _, row := range []struct {
		bytes int
		stays bool
	}{{blockBytes, true}, {2 * blockBytes, true}, {blockBytes + 1, false}, {blockBytes, false}} {
		if _, err := direct.Write(memory[:row.bytes]); err != nil {
			t.Fatal(err)
		}
		flags, err := unix.FcntlInt(file.Fd(), unix.F_GETFL, 0)
		if isDirect := flags&unix.O_DIRECT != 0; err != nil || isDirect != row.stays || direct.direct != row.stays {
			t.Errorf("after %d bytes the file is direct: %v, and is said to be: %v, %v", row.bytes, isDirect, direct.direct, err)
		}
	}
}

func TestOtherErrorsOfADirectFileComeOut(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip(err)
	}
	defer full.Close()
	if _, err := directly(full).Write(pages(t, blockBytes)); !errors.Is(err, unix.ENOSPC) {
		t.Errorf("writing to what is full answered %v", err)
	}
	file, err := os.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for name, try := range map[string]func([]byte) (int, error){"reading": directly(file).Read, "writing": directly(file).Write} {
		if count, err := try(pages(t, blockBytes)); count != 0 || err == nil {
			t.Error(fmt.Sprintf("%s a directory: %d bytes, %v", name, count, err))
		}
	}
}
