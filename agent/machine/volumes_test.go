package machine

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"alcove.dev/agent/failure"
)

func TestADiskIsFoundByItsSerialNumberOnceItHasASize(t *testing.T) {
	blocks := t.TempDir()
	disk := func(name, serial, size string) {
		os.MkdirAll(filepath.Join(blocks, name), 0o755)
		os.WriteFile(filepath.Join(blocks, name, "serial"), []byte(serial), 0o644)
		os.WriteFile(filepath.Join(blocks, name, "size"), []byte(size+"\n"), 0o644)
	}
	disk("vda", "", "100")
	disk("vdb", "alcove-spare0", "0")
	disk("vdc", "alcove-spare1", "2048")
	if device, err := findDisk(blocks, "alcove-spare1", 0); err != nil || device != "/dev/vdc" {
		t.Errorf("found %q, %v", device, err)
	}
	if _, err := findDisk(blocks, "alcove-spare0", 0); err == nil {
		t.Error("a disk without a size was found")
	}
	time.AfterFunc(20*time.Millisecond, func() { disk("vdb", "alcove-spare0", "8") })
	if device, err := findDisk(blocks, "alcove-spare0", 5*time.Second); err != nil || device != "/dev/vdb" {
		t.Errorf("found %q, %v", device, err)
	}
}

func TestTheTableOfMountsTellsWhereADeviceIs(t *testing.T) {
	table := strings.Join([]string{
		"22 1 254:0 / / rw,noatime - ext4 /dev/vda rw",
		"30 22 254:16 / /data rw - ext4 /dev/vdb rw",
		`31 22 254:16 /x /with\040space rw - ext4 /dev/vdb rw`,
	}, "\n")
	if found := mountsIn(table, "254:16"); !slices.Equal(found, []string{"/with space", "/data"}) {
		t.Errorf("found %q", found)
	}
	if found := mountsIn(table, "254:32"); found != nil {
		t.Errorf("found %q", found)
	}
}

func TestAVolumeIsMountedNowhereThatIsTheMachines(t *testing.T) {
	base := t.TempDir()
	link := filepath.Join(base, "link")
	os.Symlink("/proc", link)
	for _, path := range []string{"/proc", "/sys/kernel", "/dev/shm", link, "/"} {
		if target, err := mountPoint(path); err == nil {
			t.Errorf("%s may be mounted on, as %s", path, target)
		}
	}
	if target, err := mountPoint(filepath.Join(base, "new", "data")); err != nil || target != filepath.Join(base, "new", "data") {
		t.Errorf("%q, %v", target, err)
	}
	file := filepath.Join(base, "file")
	os.WriteFile(file, nil, 0o644)
	if _, err := mountPoint(file); err == nil {
		t.Error("a file may be mounted on")
	}
}

func TestADirectoryWithNothingButLostAndFoundIsFresh(t *testing.T) {
	directory := t.TempDir()
	os.Mkdir(filepath.Join(directory, "lost+found"), 0o700)
	if !isFresh(directory) {
		t.Error("it is not")
	}
	os.WriteFile(filepath.Join(directory, "mine"), nil, 0o644)
	if isFresh(directory) {
		t.Error("it is, with a file in it")
	}
}

func TestADiskThatAFileSystemLivesOnUnseenIsBusy(t *testing.T) {
	device := loopWithFileSystem(t)
	if err := requireUnclaimed(device); err != nil {
		t.Fatalf("one that nobody has is refused: %v", err)
	}
	directory := t.TempDir()
	if err := unix.Mount(device, directory, "ext4", 0, ""); err != nil {
		t.Skipf("nothing can be mounted here: %v", err)
	}
	file, err := os.Create(filepath.Join(directory, "open"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if err := unix.Unmount(directory, unix.MNT_DETACH); err != nil {
		t.Fatal(err)
	}
	var failed *failure.Error
	if err := requireUnclaimed(device); !errors.As(err, &failed) || failed.Code != failure.VolumeBusy {
		t.Errorf("while a file of it is open: %v", err)
	}
	file.Close()
	for attempt := 0; attempt < 100 && requireUnclaimed(device) != nil; attempt++ {
		time.Sleep(20 * time.Millisecond)
	}
	if err := requireUnclaimed(device); err != nil {
		t.Errorf("when the file is closed: %v", err)
	}
}

// loopWithFileSystem answers a block device with ext4 on it, which is gone when the test is over.
func loopWithFileSystem(t *testing.T) string {
	t.Helper()
	image := filepath.Join(t.TempDir(), "image")
	if err := os.WriteFile(image, make([]byte, 4<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	if output, err := exec.Command("mkfs.ext4", "-q", "-F", image).CombinedOutput(); err != nil {
		t.Skipf("there is no mkfs.ext4: %v %s", err, output)
	}
	output, err := exec.Command("losetup", "--find", "--show", image).CombinedOutput()
	if err != nil {
		t.Skipf("there is no loop device to be had: %v %s", err, output)
	}
	device := strings.TrimSpace(string(output))
	t.Cleanup(func() { exec.Command("losetup", "--detach", device).Run() })
	return device
}
