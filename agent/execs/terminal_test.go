package execs

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"alcove.dev/agent/failure"
)

// screen is what a terminal's reader has seen.
type screen struct {
	mutex sync.Mutex
	seen  bytes.Buffer
	ended chan struct{}
}

func (s *screen) Write(frames []byte) (int, error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.seen.Write(frames)
}

func (s *screen) text() string {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.seen.String()
}

func (s *screen) await(t *testing.T, text string) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !strings.Contains(s.text(), text); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%q was not seen in %q", text, s.text())
		}
	}
}

// inTerminal runs a program in a terminal of 24 by 80.
func inTerminal(t *testing.T, argv ...string) (*Exec, *screen) {
	t.Helper()
	exec, err := newTestRegistry().Start(withTerminal(specOf(argv...)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { exec.Stop(context.Background(), 0) })
	watched := &screen{ended: make(chan struct{})}
	go func() {
		defer close(watched.ended)
		exec.Stream(context.Background(), 0, watched, func() error { return nil })
	}()
	return exec, watched
}

func withTerminal(spec *Spec) *Spec {
	spec.Terminal = &TerminalSize{Rows: 24, Columns: 80}
	return spec
}

func typed(t *testing.T, exec *Exec, text string) {
	t.Helper()
	if _, err := exec.WriteStdin(context.Background(), strings.NewReader(text), false); err != nil {
		t.Fatal(err)
	}
}

func TestAProgramFindsATerminalThatControlsItsSession(t *testing.T) {
	exec, screen := inTerminal(t, "sh", "-c", "tty; stty size; ps -o tpgid=,sid=,pid= -p $$; echo to-tty >/dev/tty; echo to-stderr >&2; exit 5")
	<-screen.ended
	stdout, stderr, status := split(t, screen.seen.Bytes())
	lines := strings.Split(stdout, "\r\n")
	if !strings.HasPrefix(lines[0], "/dev/pts/") || lines[1] != "24 80" || lines[3] != "to-tty" || lines[4] != "to-stderr" || stderr != "" {
		t.Fatalf("%q %q", stdout, stderr)
	}
	numbers := strings.Fields(lines[2])
	if len(numbers) != 3 || numbers[0] != numbers[1] || numbers[1] != numbers[2] {
		t.Fatalf("group in the foreground, session and process are %v", numbers)
	}
	if term, _, _ := ran(t, newTestRegistry(), withTerminal(specOf("sh", "-c", "printf $TERM-$LANG"))); term != "xterm-256color-C.UTF-8" {
		t.Fatalf("%q", term)
	}
	if *status.ExitCode != 5 || *status.Terminal != (TerminalSize{24, 80}) {
		t.Fatalf("%+v of %v", status, exec.ID)
	}
}

func TestOutputRightBeforeTheEndIsNotLost(t *testing.T) {
	for range 20 {
		_, screen := inTerminal(t, "sh", "-c", "seq 1 5000; printf the-end")
		<-screen.ended
		if stdout, _, _ := split(t, screen.seen.Bytes()); !strings.HasSuffix(stdout, "5000\r\nthe-end") {
			t.Fatalf("%q", stdout[max(0, len(stdout)-40):])
		}
	}
}

func TestControlCharactersAndEndOfFileReachTheForeground(t *testing.T) {
	exec, screen := inTerminal(t, "sh", "-c", "trap 'echo caught' INT; echo ready; read line; echo line=$line; cat; echo over")
	screen.await(t, "ready")
	typed(t, exec, "\x03")
	screen.await(t, "caught")
	typed(t, exec, "hello\r")
	screen.await(t, "line=")
	if _, err := exec.WriteStdin(context.Background(), strings.NewReader("last\r"), true); err != nil {
		t.Fatal(err)
	}
	screen.await(t, "over")
	<-screen.ended
}

func TestAnotherSizeIsToldToThePrograms(t *testing.T) {
	exec, screen := inTerminal(t, "sh", "-c", "trap 'stty size' WINCH; echo ready; while :; do sleep 0.05; done")
	screen.await(t, "ready")
	if err := exec.Resize(TerminalSize{Rows: 50, Columns: 132}); err != nil {
		t.Fatal(err)
	}
	screen.await(t, "50 132")
	for _, wrong := range []TerminalSize{{0, 0}, {0, 80}, {-1, 80}, {1 << 20, 80}, {24, largestTerminal + 1}} {
		var refused *failure.Error
		if err := exec.Resize(wrong); !errors.As(err, &refused) || refused.Code != failure.InvalidRequest {
			t.Fatalf("%v: %v", wrong, err)
		}
	}
	if size := exec.Status().Terminal; *size != (TerminalSize{50, 132}) {
		t.Fatalf("%+v", size)
	}
}

func TestAShellThatIgnoresSIGTERMEndsWithItsLine(t *testing.T) {
	exec, screen := inTerminal(t, "sh", "-c", "trap '' TERM; trap 'echo hung up; exit 9' HUP; echo ready; while :; do sleep 0.05; done")
	screen.await(t, "ready")
	if err := exec.Stop(context.Background(), 10*time.Second); err != nil {
		t.Fatal(err)
	}
	if status := exec.Status(); *status.ExitCode != 9 {
		t.Fatalf("%+v", status)
	}
	if err := exec.Resize(TerminalSize{Rows: 10, Columns: 10}); err == nil {
		t.Fatal("the terminal of an exec that has ended was resized")
	}
}

func TestATerminalThatAllLetGoOfForAMomentIsNotOver(t *testing.T) {
	_, screen := inTerminal(t, "sh", "-c", "echo first; exec 0<&- 1>&- 2>&-; sleep 0.2; echo again >/dev/tty; sleep 0.1")
	<-screen.ended
	if stdout, _, _ := split(t, screen.seen.Bytes()); stdout != "first\r\nagain\r\n" {
		t.Fatalf("%q", stdout)
	}
}

func TestAnExecWithoutATerminalIsNotResized(t *testing.T) {
	exec, err := newTestRegistry().Start(specOf("true"))
	if err != nil {
		t.Fatal(err)
	}
	if err := exec.Resize(TerminalSize{Rows: 1, Columns: 1}); err == nil {
		t.Fatal("an exec without a terminal was resized")
	}
	<-exec.finished
}
