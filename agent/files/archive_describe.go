package files

import (
	"archive/tar"

	"golang.org/x/sys/unix"
)

// describe gives an entry the owner, mode and time that the tar says. A hard link has those of its file.
func (x *extraction) describe(parent int, name string, header *tar.Header) error {
	if header.Typeflag == tar.TypeLink {
		return nil
	}
	var status unix.Stat_t
	if err := unix.Fstatat(parent, name, &status, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return err
	}
	isLink := status.Mode&unix.S_IFMT == unix.S_IFLNK
	if isLink != (header.Typeflag == tar.TypeSymlink) {
		return nil
	}
	owner := Owner{UserID: header.Uid, GroupID: header.Gid}
	if x.owner != nil {
		owner = *x.owner
	}
	if unix.Geteuid() == 0 {
		if err := unix.Fchownat(parent, name, owner.UserID, owner.GroupID, unix.AT_SYMLINK_NOFOLLOW); err != nil {
			return err
		}
	}
	if !isLink {
		if err := unix.Fchmodat(parent, name, uint32(header.Mode&0o7777), 0); err != nil {
			return err
		}
	}
	modified := unix.Timespec{Sec: header.ModTime.Unix(), Nsec: int64(header.ModTime.Nanosecond())}
	if header.Typeflag == tar.TypeDir {
		x.times = append(x.times, directoryTime{name: header.Name, time: modified})
		return nil
	}
	return unix.UtimesNanoAt(parent, name, []unix.Timespec{modified, modified}, unix.AT_SYMLINK_NOFOLLOW)
}

func (x *extraction) setTimes() {
	for _, directory := range x.times {
		name, err := beneath(directory.name)
		if err != nil {
			continue
		}
		descriptor, err := x.openDirectory(name)
		if err != nil {
			continue
		}
		times := []unix.Timespec{directory.time, directory.time}
		unix.UtimesNanoAt(descriptor, "", times, unix.AT_EMPTY_PATH)
		unix.Close(descriptor)
	}
}
