package machine

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

const moduleOrderPath = "/modules/order"

// BootKernel does what has to be done before the ports can be opened: /proc, /sys, /dev and the modules.
func BootKernel() error {
	mounts := []struct {
		kind, target string
		flags        uintptr
		options      string
	}{
		{"proc", "/proc", unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC, ""},
		{"sysfs", "/sys", unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC, ""},
		{"devtmpfs", "/dev", unix.MS_NOSUID, "mode=0755"},
	}
	for _, mount := range mounts {
		if err := os.MkdirAll(mount.target, 0o755); err != nil {
			return err
		}
		err := unix.Mount(mount.kind, mount.target, mount.kind, mount.flags, mount.options)
		if err != nil && !errors.Is(err, unix.EBUSY) {
			return fmt.Errorf("mount %s: %w", mount.target, err)
		}
	}
	return loadModules()
}

// loadModules loads what /modules/order lists, one path a line; without the file there is nothing to load.
func loadModules() error {
	order, err := os.Open(moduleOrderPath)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer order.Close()
	lines := bufio.NewScanner(order)
	for lines.Scan() {
		path := strings.TrimSpace(lines.Text())
		if path == "" {
			continue
		}
		if err := loadModule(path); err != nil {
			return err
		}
	}
	if err := lines.Err(); err != nil {
		return err
	}
	// The files lie in memory, and are of no more use.
	return os.RemoveAll(filepath.Dir(moduleOrderPath))
}

// moduleParameters keep the kernel from making an interface that nobody asked for.
var moduleParameters = map[string]string{"dummy.ko": "numdummies=0"}

func loadModule(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("kernel module: %w", err)
	}
	defer file.Close()
	err = unix.FinitModule(int(file.Fd()), moduleParameters[filepath.Base(path)], 0)
	if err != nil && !errors.Is(err, unix.EEXIST) {
		return fmt.Errorf("load kernel module %s: %w", path, err)
	}
	return nil
}
