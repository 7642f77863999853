package layers

import (
	"archive/tar"
	"fmt"
	"strings"

	"golang.org/x/sys/unix"

	"alcove.dev/agent/failure"
)

const attributePrefix = "SCHILY.xattr."

// A change of owner takes setuid bits and capabilities away: so modes and attributes come after it, and times last.

func describeFile(descriptor int, header *tar.Header) error {
	if err := unix.Fchown(descriptor, header.Uid, header.Gid); err != nil {
		return err
	}
	if err := unix.Fchmod(descriptor, modeOf(header)); err != nil {
		return err
	}
	set := func(name string, value []byte) error { return unix.Fsetxattr(descriptor, name, value, 0) }
	if err := setAttributes(header, set); err != nil {
		return err
	}
	times := timesOf(header)
	return unix.UtimesNanoAt(descriptor, "", times[:], unix.AT_EMPTY_PATH)
}

// describe is for what is not opened: directories, links, devices.
func describe(parent int, name string, header *tar.Header) error {
	if err := unix.Fchownat(parent, name, header.Uid, header.Gid, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return err
	}
	if header.Typeflag != tar.TypeSymlink {
		if err := unix.Fchmodat(parent, name, modeOf(header), 0); err != nil {
			return err
		}
	}
	if err := setAttributesAt(parent, name, header); err != nil {
		return err
	}
	times := timesOf(header)
	return unix.UtimesNanoAt(parent, name, times[:], unix.AT_SYMLINK_NOFOLLOW)
}

// describeLinked changes what is told otherwise than it is, and nothing else: a change of owner, even to the same, would take the
// file's capabilities away, which few archives repeat.
func describeLinked(parent int, name string, header *tar.Header, present *unix.Stat_t) error {
	isAnothers := int(present.Uid) != header.Uid || int(present.Gid) != header.Gid
	if !isAnothers && present.Mode&0o7777 == modeOf(header) {
		return nil
	}
	if isAnothers {
		if err := unix.Fchownat(parent, name, header.Uid, header.Gid, unix.AT_SYMLINK_NOFOLLOW); err != nil {
			return err
		}
	}
	return unix.Fchmodat(parent, name, modeOf(header), 0)
}

func (u *unpacking) describeRoot(header *tar.Header) error {
	if header.Typeflag != tar.TypeDir {
		return failure.New(failure.InvalidRequest, "the root of the image is a directory, and nothing else")
	}
	if err := checkOwner(header); err != nil {
		return err
	}
	u.times.add(u.tree, ".", header)
	return describe(u.tree.root.descriptor, ".", header)
}

func modeOf(header *tar.Header) uint32 { return uint32(header.Mode & 0o7777) }

// timesOf takes seconds as they are: as nanoseconds alone a year that is far off would be another.
func timesOf(header *tar.Header) [2]unix.Timespec {
	modified := unix.Timespec{Sec: header.ModTime.Unix(), Nsec: int64(header.ModTime.Nanosecond())}
	return [2]unix.Timespec{modified, modified}
}

// setAttributesAt reaches what cannot be opened by its name below /proc, which names the very thing and follows nothing.
func setAttributesAt(parent int, name string, header *tar.Header) error {
	if !hasAttributes(header) {
		return nil
	}
	descriptor, err := unix.Openat(parent, name, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(descriptor)
	place := fmt.Sprintf("/proc/self/fd/%d", descriptor)
	return setAttributes(header, func(name string, value []byte) error { return unix.Setxattr(place, name, value, 0) })
}

func hasAttributes(header *tar.Header) bool {
	for key := range header.PAXRecords {
		if strings.HasPrefix(key, attributePrefix) {
			return true
		}
	}
	return false
}

func setAttributes(header *tar.Header, set func(name string, value []byte) error) error {
	for key, value := range header.PAXRecords {
		name, isAttribute := strings.CutPrefix(key, attributePrefix)
		if !isAttribute {
			continue
		}
		if err := set(name, []byte(value)); err != nil && !mayBeMissing(err) {
			return failure.New(failure.InvalidRequest, "its attribute %.200q of %d bytes cannot be set (%v)", name, len(value), err)
		}
	}
	return nil
}

// mayBeMissing is about attributes of a kind that this kernel, or this kind of file, does not have.
func mayBeMissing(err error) bool { return err == unix.ENOTSUP || err == unix.EPERM }

// directoryTimes are set last, because every entry changes the time of its directory.
type directoryTimes struct {
	list      []directoryTime
	nameBytes int
}

type directoryTime struct {
	name  string
	inode uint64
	times [2]unix.Timespec
}

// maxNameBytes is when times are set before the end, so that no layer takes all memory.
const maxNameBytes = 16 << 20

func (d *directoryTimes) isFull() bool { return d.nameBytes > maxNameBytes }

func (d *directoryTimes) add(t *tree, name string, header *tar.Header) {
	found, err := t.directory(name)
	if err != nil {
		return
	}
	d.list = append(d.list, directoryTime{name: name, inode: found.inode, times: timesOf(header)})
	d.nameBytes += len(name)
}

// set leaves alone what has taken the place of a directory since.
func (d *directoryTimes) set(t *tree) {
	for _, one := range d.list {
		found, err := t.directory(one.name)
		if err == nil && found.inode == one.inode {
			unix.UtimesNanoAt(found.descriptor, "", one.times[:], unix.AT_EMPTY_PATH)
		}
		t.closeRetired()
	}
	d.list, d.nameBytes = nil, 0
}
