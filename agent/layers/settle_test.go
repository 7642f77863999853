package layers

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"alcove.dev/agent/failure"
)

func TestAnEmptyImageGetsWhatASandboxNeeds(t *testing.T) {
	root, _ := place(t)
	must(t, Settle(root))
	for name, mode := range map[string]uint32{"proc": 0o755, "sys": 0o755, "dev": 0o755, "run": 0o755, "etc": 0o755, "tmp": 0o1777, "lost+found": 0o700} {
		if found := status(t, root, name); found.Mode != unix.S_IFDIR|mode {
			t.Errorf("%s is %o", name, found.Mode)
		}
	}
	if isThere(root, "etc/resolv.conf") || isThere(root, "etc/hosts") || isThere(root, "root") {
		t.Errorf("there is %v", listing(t, root))
	}
	must(t, Settle(root))
}

func TestWhatAnImageHasStays(t *testing.T) {
	root, _ := place(t)
	apply(t, root, dir("proc"), file("proc/x", ""), entry{dir("tmp").Header, ""}, file("etc/hosts", "127.0.0.1 mine\n"), file("etc/machine-id", "id"))
	must(t, Settle(root))
	if read(t, root, "etc/hosts") != "127.0.0.1 mine\n" || !isThere(root, "proc/x") || status(t, root, "tmp").Mode&0o7777 != 0o755 {
		t.Errorf("there is %v", listing(t, root))
	}
}

// The agent follows none of these as a template is made, and waits for no FIFO.
func TestWhatWouldLeadTheAgentAwayIsTakenAway(t *testing.T) {
	root, secret := place(t)
	must(t, os.Symlink(filepath.Dir(secret), filepath.Join(root, "run")))
	must(t, os.WriteFile(filepath.Join(root, "proc"), nil, 0o644))
	must(t, os.Symlink("/nowhere", filepath.Join(root, "lost+found")))
	must(t, os.Mkdir(filepath.Join(root, "etc"), 0o755))
	must(t, unix.Mkfifo(filepath.Join(root, "etc/hosts"), 0o644))
	must(t, os.Symlink("/dev/zero", filepath.Join(root, "etc/hostname")))
	must(t, os.MkdirAll(filepath.Join(root, "etc/machine-id/x"), 0o755))
	must(t, os.MkdirAll(filepath.Join(root, "etc/resolv.conf/x"), 0o755))
	must(t, Settle(root))
	untouched(t, secret)
	for _, name := range []string{"proc", "run", "lost+found"} {
		if status(t, root, name).Mode&unix.S_IFMT != unix.S_IFDIR {
			t.Errorf("%s is no directory", name)
		}
	}
	if isThere(root, "etc/hosts") || isThere(root, "etc/hostname") || isThere(root, "etc/machine-id") || isThere(root, "etc/resolv.conf") {
		t.Errorf("there is %v", listing(t, root))
	}
}

func TestAnEtcThatIsAFileIsRefused(t *testing.T) {
	root, secret := place(t)
	apply(t, root, file("etc", "x"))
	if err := Settle(root); failure.From(err).Code != failure.InvalidRequest {
		t.Error(err)
	}
	apply(t, root, symlink("etc", secret))
	if err := Settle(root); err != nil {
		t.Error(err)
	}
	untouched(t, secret)
}
