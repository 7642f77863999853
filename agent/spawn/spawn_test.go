package spawn

import (
	"errors"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

func start(t *testing.T, command *Command) (Process, *os.File, error) {
	t.Helper()
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer writer.Close()
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	out := int(writer.Fd())
	command.Descriptors = [3]int{int(null.Fd()), out, out}
	command.Cgroup, command.Namespace = -1, -1
	command.UserID, command.GroupID = uint32(os.Getuid()), uint32(os.Getgid())
	process, err := Start(command)
	return process, reader, err
}

func output(t *testing.T, command *Command) (string, unix.WaitStatus) {
	t.Helper()
	process, reader, err := start(t, command)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	defer unix.Close(process.Descriptor)
	var content []byte
	buffer := make([]byte, 4096)
	for {
		count, err := reader.Read(buffer)
		content = append(content, buffer[:count]...)
		if err != nil {
			break
		}
	}
	var status unix.WaitStatus
	if _, err := unix.Wait4(process.PID, &status, 0, nil); err != nil {
		t.Fatal(err)
	}
	return string(content), status
}

func TestAProcessTellsItsOwnNumber(t *testing.T) {
	process, reader, err := start(t, &Command{Path: "/bin/true", Argv: []string{"true"}, WorkingDirectory: "/"})
	if err != nil {
		t.Fatal(err)
	}
	reader.Close()
	unix.Wait4(process.PID, nil, 0, nil)
	unix.Close(process.Descriptor)
	if process.Inside != process.PID {
		t.Fatalf("without a namespace of its own, process %d calls itself %d", process.PID, process.Inside)
	}
}

func TestAProgramRunsAsAskedFor(t *testing.T) {
	text, status := output(t, &Command{
		Path: "/bin/sh", Argv: []string{"sh", "-c", `echo "$A $1"; pwd; [ "$(cut -d ' ' -f 6 /proc/$$/stat)" = $$ ] && echo leads; exit 5`, "x", "two words"},
		Environment: []string{"A=b", "PATH=/usr/bin:/bin"}, WorkingDirectory: "/usr",
	})
	if text != "b two words\n/usr\nleads\n" || status.ExitStatus() != 5 {
		t.Fatalf("%q %v", text, status)
	}
}

func TestSignalsAreAsAProgramExpects(t *testing.T) {
	text, _ := output(t, &Command{Path: "/bin/cat", Argv: []string{"cat", "/proc/self/status"}, WorkingDirectory: "/"})
	for _, set := range []string{"SigBlk", "SigIgn", "SigCgt"} {
		if !strings.Contains(text, set+":\t0000000000000000\n") {
			t.Errorf("%s is not empty in %s", set, text)
		}
	}
}

func TestTheFailedCallsErrorComesBack(t *testing.T) {
	for _, row := range []struct {
		path, directory string
		wanted          syscall.Errno
	}{{"/no/such", "/", syscall.ENOENT}, {"/etc/passwd", "/", syscall.EACCES}, {"/bin/sh", "/no/such", syscall.ENOENT}, {"/tmp", "/", syscall.EACCES}} {
		_, reader, err := start(t, &Command{Path: row.path, Argv: []string{"x"}, WorkingDirectory: row.directory})
		reader.Close()
		if !errors.Is(err, row.wanted) {
			t.Errorf("%s in %s: %v", row.path, row.directory, err)
		}
	}
	if _, err := unix.Wait4(-1, nil, unix.WNOHANG, nil); err != unix.ECHILD {
		t.Errorf("a child is left: %v", err)
	}
}

func TestManyAtOnceWhileTheCollectorRuns(t *testing.T) {
	var group sync.WaitGroup
	for range 8 {
		group.Add(1)
		go func() {
			defer group.Done()
			for range 20 {
				waste := make([]byte, 1<<20)
				command := &Command{Path: "/bin/echo", Argv: []string{"echo", "here"}, WorkingDirectory: "/"}
				if text, status := output(t, command); text != "here\n" || status != 0 {
					t.Errorf("%q %v", text, status)
				}
				waste[0] = 1
			}
		}()
	}
	group.Wait()
}
