// Look tells what a program sees of the system that it is in: `look tree` every file of the root file system, one JSON
// object a line; `look self` what it was started as.
package main

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"syscall"
)

type file struct {
	Path    string            `json:"path"`
	Mode    string            `json:"mode"`
	Owner   string            `json:"owner"`
	Links   uint64            `json:"links,omitempty"`
	Size    int64             `json:"size,omitempty"`
	Changed int64             `json:"changed,omitempty"`
	Target  string            `json:"target,omitempty"`
	Device  uint64            `json:"device,omitempty"`
	Content string            `json:"content,omitempty"`
	Extra   map[string]string `json:"extra,omitempty"`
}

type self struct {
	Arguments   []string `json:"arguments"`
	Environment []string `json:"environment"`
	Directory   string   `json:"directory"`
	User        int      `json:"user"`
	Group       int      `json:"group"`
	Groups      []int    `json:"groups"`
}

func main() {
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	if len(os.Args) > 1 && os.Args[1] == "tree" {
		tree(out)
		return
	}
	directory, _ := os.Getwd()
	groups, _ := os.Getgroups()
	sort.Ints(groups)
	environment := os.Environ()
	sort.Strings(environment)
	write(out, self{os.Args, environment, directory, os.Getuid(), os.Getgid(), groups})
}

// tree stays on the root's file system: what is mounted on it is the system's, not the image's.
func tree(out io.Writer) {
	var root syscall.Stat_t
	if err := syscall.Lstat("/", &root); err != nil {
		panic(err)
	}
	filepath.WalkDir("/", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			panic(err)
		}
		var seen syscall.Stat_t
		if err := syscall.Lstat(path, &seen); err != nil {
			panic(err)
		}
		if seen.Dev != root.Dev {
			if entry.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		write(out, describe(path, &seen))
		return nil
	})
}

func describe(path string, seen *syscall.Stat_t) file {
	found := file{
		Path:  path,
		Mode:  fmt.Sprintf("%06o", seen.Mode),
		Owner: fmt.Sprintf("%d:%d", seen.Uid, seen.Gid),
		Extra: attributes(path),
	}
	switch seen.Mode & syscall.S_IFMT {
	case syscall.S_IFREG:
		found.Links, found.Size, found.Changed, found.Content = uint64(seen.Nlink), seen.Size, seen.Mtim.Sec, digest(path)
	case syscall.S_IFLNK:
		found.Target, _ = os.Readlink(path)
	case syscall.S_IFBLK, syscall.S_IFCHR:
		found.Device = seen.Rdev
	}
	return found
}

func digest(path string) string {
	content, err := os.Open(path)
	if err != nil {
		panic(err)
	}
	defer content.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, content); err != nil {
		panic(err)
	}
	return hex.EncodeToString(sum.Sum(nil))
}

func attributes(path string) map[string]string {
	names := make([]byte, 4096)
	length, err := syscall.Listxattr(path, names)
	if err != nil || length == 0 {
		return nil
	}
	found := map[string]string{}
	for _, name := range strings.Split(strings.TrimRight(string(names[:length]), "\x00"), "\x00") {
		value := make([]byte, 4096)
		if size, err := syscall.Getxattr(path, name, value); err == nil {
			found[name] = hex.EncodeToString(value[:size])
		}
	}
	return found
}

func write(out io.Writer, value any) {
	line, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	out.Write(append(line, '\n'))
}
