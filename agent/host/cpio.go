package host

import (
	"fmt"
	"io"
	"strings"
)

// archive writes a cpio archive in the "newc" format that Linux unpacks as its initramfs
// (Documentation/driver-api/early-userspace/buffer-format.rst).
type archive struct {
	writer io.Writer
	inode  int
	err    error
}

const (
	directoryKind = 0o040000
	fileKind      = 0o100000
	deviceKind    = 0o020000
)

type entry struct {
	name         string
	mode         uint32
	major, minor uint32
	content      []byte
}

func (a *archive) directory(name string) { a.add(entry{name: name, mode: directoryKind | 0o755}) }

func (a *archive) file(name string, permissions uint32, content []byte) {
	a.add(entry{name: name, mode: fileKind | permissions, content: content})
}

func (a *archive) add(e entry) {
	a.inode++
	header := fmt.Sprintf("070701%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X",
		a.inode, e.mode, 0, 0, 1, 0, len(e.content), 0, 0, e.major, e.minor, len(e.name)+1, 0)
	a.write([]byte(header + e.name + "\x00"))
	a.pad(len(header) + len(e.name) + 1)
	a.write(e.content)
	a.pad(len(e.content))
}

func (a *archive) end() error {
	a.add(entry{name: "TRAILER!!!"})
	return a.err
}

func (a *archive) pad(written int) {
	if rest := written % 4; rest > 0 {
		a.write([]byte(strings.Repeat("\x00", 4-rest)))
	}
}

func (a *archive) write(content []byte) {
	if a.err == nil {
		_, a.err = a.writer.Write(content)
	}
}
