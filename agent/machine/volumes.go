package machine

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"alcove.dev/agent/api"
	"alcove.dev/agent/failure"
)

const (
	blockDevices = "/sys/block"
	// diskDeadline is how long the kernel has to see how large a disk is that was just put behind its slot.
	diskDeadline = 5 * time.Second
	diskPause    = 5 * time.Millisecond
)

// untouchable are places where nothing is mounted: what is there is the machine's, not the user's.
var untouchable = []string{"/proc", "/sys", "/dev", "/run/alcove"}

// MountVolume mounts the data disk with this serial number. Where it is mounted there already it is left alone.
func (m *Machine) MountVolume(volume api.VolumeMount) error {
	m.volumes.Lock()
	defer m.volumes.Unlock()
	device, err := findDisk(blockDevices, volume.Serial, diskDeadline)
	if err != nil {
		return failure.New(failure.InternalError, "The volume's disk does not come up: %v.", err)
	}
	present, err := m.mountsOf(device)
	if err != nil {
		return err
	}
	target, err := mountPoint(volume.Path)
	if err != nil {
		return err
	}
	if len(present) > 0 && present[0] == target {
		return nil
	}
	if len(present) > 0 {
		return failure.New(failure.VolumeBusy, "The volume is mounted on %s already.", present[0])
	}
	if err := requireUnclaimed(device); err != nil {
		return err
	}
	return mountDisk(device, target, volume.ReadOnly)
}

// UnmountVolume writes everything to the disk and lets go of it; where it is not mounted there is nothing to do. Where somebody else
// has it still, it stays unmounted here, and the next attempt looks again.
func (m *Machine) UnmountVolume(serial string) error {
	m.volumes.Lock()
	defer m.volumes.Unlock()
	device, err := findDisk(blockDevices, serial, 0)
	if err != nil {
		return nil
	}
	present, err := m.mountsOf(device)
	if err != nil {
		return err
	}
	for _, target := range present {
		if err := unix.Unmount(target, unix.UMOUNT_NOFOLLOW); errors.Is(err, unix.EBUSY) {
			return failure.New(failure.VolumeBusy, "Programs use files on %s, or stand in a directory of it.", target)
		} else if err != nil {
			return failure.New(failure.InternalError, "%s cannot be unmounted: %v.", target, err)
		}
	}
	return requireUnclaimed(device)
}

// requireUnclaimed refuses a device that a file system lives on which our table of mounts does not show: one in another mount
// namespace, or one that was unmounted lazily while files of it are open. The kernel gives such a device to nobody alone.
func requireUnclaimed(device string) error {
	file, err := unix.Open(device, unix.O_RDONLY|unix.O_EXCL|unix.O_CLOEXEC, 0)
	if errors.Is(err, unix.EBUSY) {
		return failure.New(failure.VolumeBusy, "Programs still use the volume, though it is mounted here no more: in another mount namespace, such as a container's, or after a lazy unmount. End them, then try again.")
	}
	if err != nil {
		return failure.New(failure.InternalError, "The disk %s cannot be looked at: %v.", device, err)
	}
	return unix.Close(file)
}

// SyncVolumes has everything that programs wrote on its disk when it answers.
func (m *Machine) SyncVolumes() error {
	unix.Sync()
	return nil
}

// findDisk answers the device with the serial number, once the kernel knows how large it is.
func findDisk(blocks, serial string, patience time.Duration) (string, error) {
	for deadline := time.Now().Add(patience); ; time.Sleep(diskPause) {
		name := diskNamed(blocks, serial)
		if name != "" && readLine(filepath.Join(blocks, name, "size")) != "0" {
			return "/dev/" + name, nil
		}
		if !time.Now().Before(deadline) {
			return "", fmt.Errorf("there is no disk %s, or it is empty", serial)
		}
	}
}

func diskNamed(blocks, serial string) string {
	files, _ := filepath.Glob(filepath.Join(blocks, "*", "serial"))
	for _, path := range files {
		if readLine(path) == serial {
			return filepath.Base(filepath.Dir(path))
		}
	}
	return ""
}

func readLine(path string) string {
	content, _ := os.ReadFile(path)
	return strings.TrimSpace(string(content))
}

// mountsOf answers where the device is mounted, the last first.
func (m *Machine) mountsOf(device string) ([]string, error) {
	var status unix.Stat_t
	if err := unix.Stat(device, &status); err != nil {
		return nil, failure.New(failure.InternalError, "The disk %s cannot be looked at: %v.", device, err)
	}
	table, err := m.proc.read("self/mountinfo")
	if err != nil {
		return nil, err
	}
	number := fmt.Sprintf("%d:%d", unix.Major(status.Rdev), unix.Minor(status.Rdev))
	return mountsIn(string(table), number), nil
}

// mountsIn reads the kernel's table: the third field is the device, the fifth where it is mounted.
func mountsIn(table, number string) []string {
	var found []string
	for _, line := range strings.Split(table, "\n") {
		fields := strings.Fields(line)
		if len(fields) > 4 && fields[2] == number {
			found = append([]string{unescaped(fields[4])}, found...)
		}
	}
	return found
}

var escapes = strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`)

func unescaped(path string) string { return escapes.Replace(path) }

// mountPoint makes the directory where it is missing, and answers where it is in truth: links may lead elsewhere.
func mountPoint(path string) (string, error) {
	if err := os.MkdirAll(path, 0o755); err != nil {
		return "", failure.New(failure.InvalidRequest, "The directory %s cannot be made: %v.", path, errors.Unwrap(err))
	}
	target, err := filepath.EvalSymlinks(path)
	if err != nil {
		return "", failure.New(failure.InvalidRequest, "The directory %s is not there: %v.", path, err)
	}
	if target == "/" {
		return "", failure.New(failure.InvalidRequest, "%s leads to /, where no volume can be mounted.", path)
	}
	for _, place := range untouchable {
		if target == place || strings.HasPrefix(target, place+"/") {
			return "", failure.New(failure.InvalidRequest, "%s leads to %s, where no volume can be mounted.", path, target)
		}
	}
	return target, nil
}

// mountDisk mounts a disk that holds ext4. One that nobody has used yet gets the owner and mode of the directory that it is mounted on.
func mountDisk(device, target string, readOnly bool) error {
	var below unix.Stat_t
	if err := unix.Stat(target, &below); err != nil {
		return failure.New(failure.InvalidRequest, "The directory %s is not there: %v.", target, err)
	}
	flags := uintptr(unix.MS_NOATIME | unix.MS_NODEV | unix.MS_NOSUID)
	if readOnly {
		flags |= unix.MS_RDONLY
	}
	if err := unix.Mount(device, target, "ext4", flags, rootOptions); err != nil {
		return failure.New(failure.InternalError, "The volume cannot be mounted on %s: %v.", target, mountTrouble(err))
	}
	if readOnly || !isFresh(target) {
		return nil
	}
	if err := os.Chown(target, int(below.Uid), int(below.Gid)); err != nil {
		return err
	}
	return os.Chmod(target, os.FileMode(below.Mode&0o1777)&os.ModePerm|stickyOf(below.Mode))
}

func stickyOf(mode uint32) os.FileMode {
	if mode&unix.S_ISVTX != 0 {
		return os.ModeSticky
	}
	return 0
}

func mountTrouble(err error) error {
	if errors.Is(err, syscall.EINVAL) {
		return errors.New("there is no ext4 file system on it that the kernel takes")
	}
	return err
}

// isFresh says that nobody has put anything there.
func isFresh(directory string) bool {
	entries, err := os.ReadDir(directory)
	if err != nil {
		return false
	}
	for _, entry := range entries {
		if entry.Name() != "lost+found" {
			return false
		}
	}
	return true
}
