package files

import (
	"os"
	"path/filepath"
	"syscall"

	"alcove.dev/agent/failure"
)

// Entry is one name in a directory; of a link it describes the link.
type Entry struct {
	Name          string  `json:"name"`
	Path          string  `json:"path"`
	Size          int64   `json:"size"`
	Mode          uint32  `json:"mode"`
	IsDir         bool    `json:"isDir"`
	IsSymlink     bool    `json:"isSymlink"`
	SymlinkTarget string  `json:"symlinkTarget,omitempty"`
	ModifiedTime  float64 `json:"modifiedTime"`
	UserID        uint32  `json:"uid"`
	GroupID       uint32  `json:"gid"`
}

// Listing is what a directory holds, in the order of the names.
type Listing struct {
	Path      string  `json:"path"`
	Entries   []Entry `json:"entries"`
	Truncated bool    `json:"truncated"`
}

const listedEntries = 10_000

// Stat describes one path: of a link the link itself, unless it shall be followed.
func Stat(path string, follow bool) (Entry, error) {
	look := os.Lstat
	if follow {
		look = os.Stat
	}
	info, err := look(path)
	if err != nil {
		return Entry{}, failure.FromSystem(err, "look at "+path)
	}
	return entryOf(filepath.Clean(path), info), nil
}

// List describes what is in a directory, up to 10,000 names.
func List(path string) (*Listing, error) {
	directory, err := os.OpenFile(path, os.O_RDONLY|syscall.O_DIRECTORY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, failure.FromSystem(err, "open directory "+path)
	}
	defer directory.Close()
	names, err := directory.Readdirnames(listedEntries + 1)
	if err != nil && len(names) == 0 {
		names = nil
	}
	listing := &Listing{Path: filepath.Clean(path), Entries: make([]Entry, 0, min(len(names), listedEntries))}
	if len(names) > listedEntries {
		names, listing.Truncated = names[:listedEntries], true
	}
	for _, name := range sorted(names) {
		full := filepath.Join(path, name)
		// A name may have gone since the directory was read.
		if info, err := os.Lstat(full); err == nil {
			listing.Entries = append(listing.Entries, entryOf(full, info))
		}
	}
	return listing, nil
}

func entryOf(path string, info os.FileInfo) Entry {
	system := info.Sys().(*syscall.Stat_t)
	entry := Entry{
		Name: filepath.Base(path), Path: path, Size: info.Size(), Mode: system.Mode & 0o7777,
		IsDir: info.IsDir(), IsSymlink: info.Mode()&os.ModeSymlink != 0,
		ModifiedTime: float64(info.ModTime().UnixMilli()) / 1000, UserID: system.Uid, GroupID: system.Gid,
	}
	if entry.IsSymlink {
		entry.SymlinkTarget, _ = os.Readlink(path)
	}
	return entry
}
