package files

import (
	"archive/tar"
	"errors"
	"io"
	"os"
	"path"
	"strings"

	"golang.org/x/sys/unix"

	"alcove.dev/agent/failure"
)

// extraction unpacks a tar under one directory. Every name is resolved by the kernel beneath that directory
// (openat2, RESOLVE_BENEATH): neither "..", absolute names nor links, planted before or by the tar itself, lead out.
type extraction struct {
	root  int
	owner *Owner
	times []directoryTime
}

// directoryTime is set last, because every entry changes the time of its directory.
type directoryTime struct {
	name string
	time unix.Timespec
}

// Extract unpacks a tar into the directory at path, which is made where it is missing. Files belong to owner, or to whom the
// tar says.
func Extract(directory string, source io.Reader, owner *Owner) (int, error) {
	if err := makeParents(path.Join(directory, "entry"), owner); err != nil {
		return 0, err
	}
	root, err := unix.Open(directory, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return 0, failure.FromSystem(err, "open directory "+directory)
	}
	defer unix.Close(root)
	unpacking := &extraction{root: root, owner: owner}
	reader := tar.NewReader(source)
	for entries := 0; ; entries++ {
		header, err := reader.Next()
		if err == io.EOF {
			unpacking.setTimes()
			// What follows a tar's end (padding) is read, so that the sender sees all taken.
			_, err = io.Copy(io.Discard, source)
			return entries, err
		}
		if err != nil {
			return entries, failure.New(failure.InvalidRequest, "The body is not a tar, at entry %d: %v.", entries+1, err)
		}
		if err := unpacking.entry(header, reader); err != nil {
			return entries, err
		}
	}
}

func (x *extraction) entry(header *tar.Header, content io.Reader) error {
	name, err := beneath(header.Name)
	if err != nil {
		return err
	}
	if name == "." {
		return nil
	}
	parent, err := x.openDirectory(path.Dir(name))
	if err != nil {
		return refuse(err, header.Name)
	}
	defer unix.Close(parent)
	if err := x.place(parent, path.Base(name), header, content); err != nil {
		return refuse(err, header.Name)
	}
	return refuse(x.describe(parent, path.Base(name), header), header.Name)
}

func refuse(err error, name string) error {
	if errors.Is(err, unix.EXDEV) || errors.Is(err, unix.ELOOP) {
		return failure.New(failure.InvalidRequest, "The tar's entry %q leads out of the directory.", name)
	}
	return failureOrNil(err, "unpack "+name)
}

// beneath takes a tar's name apart from the root; ".." is refused rather than resolved.
func beneath(name string) (string, error) {
	for part := range strings.SplitSeq(name, "/") {
		if part == ".." {
			return "", failure.New(failure.InvalidRequest, "The tar's entry %q leads out of the directory.", name)
		}
	}
	return path.Clean(strings.TrimLeft(name, "/") + "/."), nil
}

func (x *extraction) openDirectory(name string) (int, error) {
	how := unix.OpenHow{Flags: unix.O_PATH | unix.O_DIRECTORY | unix.O_CLOEXEC, Resolve: unix.RESOLVE_BENEATH | unix.RESOLVE_NO_MAGICLINKS}
	descriptor, err := unix.Openat2(x.root, name, &how)
	if err != unix.ENOENT {
		return descriptor, err
	}
	parent, err := x.openDirectory(path.Dir(name))
	if err != nil {
		return -1, err
	}
	defer unix.Close(parent)
	if err := unix.Mkdirat(parent, path.Base(name), 0o755); err != nil && err != unix.EEXIST {
		return -1, err
	}
	if x.owner != nil {
		unix.Fchownat(parent, path.Base(name), x.owner.UserID, x.owner.GroupID, unix.AT_SYMLINK_NOFOLLOW)
	}
	return unix.Openat2(x.root, name, &how)
}

// place makes the entry, in the stead of what had its name; a directory that is there stays.
func (x *extraction) place(parent int, name string, header *tar.Header, content io.Reader) error {
	if header.Typeflag == tar.TypeDir {
		return x.placeDirectory(parent, name)
	}
	if err := unix.Unlinkat(parent, name, 0); err != nil && err != unix.ENOENT {
		return err
	}
	mode := uint32(header.Mode & 0o7777)
	device := int(unix.Mkdev(uint32(header.Devmajor), uint32(header.Devminor)))
	switch header.Typeflag {
	case tar.TypeReg:
		return placeFile(parent, name, content)
	case tar.TypeSymlink:
		return unix.Symlinkat(header.Linkname, parent, name)
	case tar.TypeLink:
		return x.placeLink(parent, name, header.Linkname)
	case tar.TypeFifo:
		return unix.Mknodat(parent, name, unix.S_IFIFO|mode, 0)
	case tar.TypeChar:
		return unix.Mknodat(parent, name, unix.S_IFCHR|mode, device)
	case tar.TypeBlock:
		return unix.Mknodat(parent, name, unix.S_IFBLK|mode, device)
	}
	return failure.New(failure.InvalidRequest, "The tar's entry %q is of the unknown kind %q.", header.Name, header.Typeflag)
}

func (x *extraction) placeDirectory(parent int, name string) error {
	err := unix.Mkdirat(parent, name, 0o755)
	if err != unix.EEXIST {
		return err
	}
	var status unix.Stat_t
	if err := unix.Fstatat(parent, name, &status, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return err
	}
	switch status.Mode & unix.S_IFMT {
	case unix.S_IFDIR:
		return nil
	case unix.S_IFLNK:
		// A link to a directory beneath is a directory too; later names go through it and are resolved beneath the root.
		return nil
	}
	return unix.ENOTDIR
}

func placeFile(parent int, name string, content io.Reader) error {
	descriptor, err := unix.Openat(parent, name, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return err
	}
	file := os.NewFile(uintptr(descriptor), name)
	defer file.Close()
	_, err = copyInto(file, content)
	return err
}

// placeLink makes a second name of a file beneath the root; a link's own name is not followed.
func (x *extraction) placeLink(parent int, name, target string) error {
	inside, err := beneath(target)
	if err != nil {
		return err
	}
	targetParent, err := x.openDirectory(path.Dir(inside))
	if err != nil {
		return err
	}
	defer unix.Close(targetParent)
	return unix.Linkat(targetParent, path.Base(inside), parent, name, 0)
}
