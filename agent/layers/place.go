package layers

import (
	"archive/tar"
	"io"
	"path"

	"golang.org/x/sys/unix"

	"alcove.dev/agent/failure"
)

// place makes an entry, in the stead of what had its name; a directory that is there stays, with what is in it.
func (u *unpacking) place(parent directory, name string, header *tar.Header, content io.Reader) error {
	if err := checkOwner(header); err != nil {
		return err
	}
	switch header.Typeflag {
	case tar.TypeReg, tar.TypeCont:
		return u.placeFile(parent, name, header, content)
	case tar.TypeDir:
		return u.placeDirectory(parent, name, header)
	case tar.TypeLink:
		return u.placeLink(parent, name, header)
	case tar.TypeSymlink:
		return u.placeNode(parent, name, header, func() error { return unix.Symlinkat(header.Linkname, parent.descriptor, name) })
	}
	kind, known := nodeKinds[header.Typeflag]
	if !known {
		return failure.New(failure.InvalidRequest, "it is of the unknown kind %q", header.Typeflag)
	}
	device := 0
	if kind != unix.S_IFIFO {
		device = int(unix.Mkdev(uint32(header.Devmajor), uint32(header.Devminor)))
	}
	return u.placeNode(parent, name, header, func() error { return unix.Mknodat(parent.descriptor, name, kind|0o600, device) })
}

var nodeKinds = map[byte]uint32{tar.TypeFifo: unix.S_IFIFO, tar.TypeChar: unix.S_IFCHR, tar.TypeBlock: unix.S_IFBLK}

// checkOwner refuses numbers that the kernel would take for "leave it as it is", or for another.
func checkOwner(header *tar.Header) error {
	for _, id := range []int{header.Uid, header.Gid} {
		if id < 0 || id >= 1<<32-1 {
			return failure.New(failure.InvalidRequest, "nothing can belong to %d", id)
		}
	}
	return nil
}

// inStead makes something under a name, and takes away what has the name.
func (u *unpacking) inStead(parent directory, name string, make func() error) error {
	err := make()
	if err != unix.EEXIST {
		return err
	}
	if err := u.tree.remove(parent, name); err != nil {
		return err
	}
	return make()
}

func (u *unpacking) placeFile(parent directory, name string, header *tar.Header, content io.Reader) error {
	if u.done.Bytes += header.Size; header.Size > u.roomBytes || u.done.Bytes > u.roomBytes {
		return failure.New(failure.DiskFull, "the layer's files are larger than the image's disk, which has %d bytes", u.roomBytes)
	}
	var descriptor int
	err := u.inStead(parent, name, func() (err error) {
		descriptor, err = unix.Openat(parent.descriptor, name, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
		return err
	})
	if err != nil {
		return err
	}
	defer unix.Close(descriptor)
	if err := u.fill(descriptor, content, header.Size); err != nil {
		return err
	}
	return describeFile(descriptor, header)
}

func (u *unpacking) placeDirectory(parent directory, name string, header *tar.Header) error {
	err := unix.Mkdirat(parent.descriptor, name, 0o700)
	if err == unix.EEXIST {
		var status unix.Stat_t
		if err := unix.Fstatat(parent.descriptor, name, &status, unix.AT_SYMLINK_NOFOLLOW); err != nil {
			return err
		}
		err = nil
		if status.Mode&unix.S_IFMT != unix.S_IFDIR {
			err = u.inStead(parent, name, func() error { return unix.Mkdirat(parent.descriptor, name, 0o700) })
		}
	}
	if err != nil {
		return err
	}
	return describe(parent.descriptor, name, header)
}

func (u *unpacking) placeNode(parent directory, name string, header *tar.Header, make func() error) error {
	if err := u.inStead(parent, name, make); err != nil {
		return err
	}
	return describe(parent.descriptor, name, header)
}

// placeLink makes a second name of what has the target's; a link under that name is not followed. What the entry says of owner
// and mode holds for both from then on, as it does where Docker unpacks it.
func (u *unpacking) placeLink(parent directory, name string, header *tar.Header) error {
	target := header.Linkname
	targetName, err := inside(target)
	if err != nil {
		return err
	}
	from, err := u.tree.directory(path.Dir(targetName))
	if err != nil {
		return failure.New(failure.InvalidRequest, "it is a hard link to %.200q, which is not there (%v)", target, err)
	}
	base := path.Base(targetName)
	var wanted, found unix.Stat_t
	if err := unix.Fstatat(from.descriptor, base, &wanted, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return failure.New(failure.InvalidRequest, "it is a hard link to %.200q, which is not there (%v)", target, err)
	}
	if wanted.Mode&unix.S_IFMT == unix.S_IFDIR {
		return failure.New(failure.InvalidRequest, "it is a hard link to %.200q, which is a directory", target)
	}
	err = unix.Fstatat(parent.descriptor, name, &found, unix.AT_SYMLINK_NOFOLLOW)
	if err != nil || found.Ino != wanted.Ino {
		err = u.inStead(parent, name, func() error {
			return unix.Linkat(from.descriptor, base, parent.descriptor, name, 0)
		})
	}
	if err != nil || wanted.Mode&unix.S_IFMT == unix.S_IFLNK {
		return err
	}
	return describeLinked(parent.descriptor, name, header, &wanted)
}
