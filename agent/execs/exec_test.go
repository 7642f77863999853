package execs

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"alcove.dev/agent/accounts"
	"alcove.dev/agent/failure"
)

func newTestRegistry() *Registry {
	sandbox := &Sandbox{
		Book:      accounts.NewBook("/etc/passwd", "/etc/group"),
		Namespace: func() (int, error) { return -1, nil },
	}
	return NewRegistry(sandbox, 16<<20)
}

var testIDs int

func specOf(argv ...string) *Spec {
	testIDs++
	user := fmt.Sprintf("%d:%d", os.Getuid(), os.Getgid())
	return &Spec{ID: fmt.Sprintf("00000000-0000-4000-8000-%012d", testIDs), Argv: argv, User: user, WorkingDirectory: "/"}
}

// ran runs an exec to its end and returns its output and last status.
func ran(t *testing.T, registry *Registry, spec *Spec) (stdout, stderr string, status Status) {
	t.Helper()
	exec, err := registry.Start(spec)
	if err != nil {
		t.Fatal(err)
	}
	var stream bytes.Buffer
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := exec.Stream(ctx, 0, &stream, func() error { return nil }); err != nil {
		t.Fatal(err)
	}
	return split(t, stream.Bytes())
}

func split(t *testing.T, frames []byte) (stdout, stderr string, status Status) {
	t.Helper()
	for first := true; len(frames) > 0; first = false {
		kind, length := Kind(frames[0]), int(frames[1])<<24|int(frames[2])<<16|int(frames[3])<<8|int(frames[4])
		payload := frames[5 : 5+length]
		frames = frames[5+length:]
		if first != (kind == KindStatus) || (len(frames) == 0) != (kind == KindEnd) {
			t.Fatalf("a frame of kind %d stands at the wrong place", kind)
		}
		switch kind {
		case KindStdout:
			stdout += string(payload[8:])
		case KindStderr:
			stderr += string(payload[8:])
		case KindEnd:
			if err := json.Unmarshal(payload, &status); err != nil {
				t.Fatal(err)
			}
		}
	}
	return stdout, stderr, status
}

func TestACommandsOutputAndExitCodeCome(t *testing.T) {
	spec := specOf("sh", "-c", "echo out; echo err >&2; echo $COLOUR; pwd; exit 3")
	spec.Environment = map[string]string{"COLOUR": "blue"}
	stdout, stderr, status := ran(t, newTestRegistry(), spec)
	if stdout != "out\nblue\n/\n" || stderr != "err\n" || status.ExitCode == nil || *status.ExitCode != 3 || status.State != Exited {
		t.Fatalf("%q %q %+v", stdout, stderr, status)
	}
}

func TestAProgramThatCannotRunEndsAsInAShell(t *testing.T) {
	script := t.TempDir() + "/script"
	os.WriteFile(script, []byte("echo from sh\n"), 0o755)
	plain := t.TempDir() + "/plain"
	os.WriteFile(plain, []byte("data"), 0o644)
	for _, row := range []struct {
		program, stdout string
		exitCode        int
	}{{"no-such-program", "", 127}, {"/no/such/program", "", 127}, {plain, "", 126}, {"/tmp", "", 126}, {script, "from sh\n", 0}} {
		stdout, stderr, status := ran(t, newTestRegistry(), specOf(row.program))
		if *status.ExitCode != row.exitCode || stdout != row.stdout || (row.exitCode != 0) != strings.HasSuffix(stderr, "\n") {
			t.Errorf("%s: exit code %d, %q, %q", row.program, *status.ExitCode, stdout, stderr)
		}
	}
}

func TestTheSameIdTwiceIsRefused(t *testing.T) {
	registry := newTestRegistry()
	spec := specOf("true")
	ran(t, registry, spec)
	_, err := registry.Start(spec)
	if code := failure.From(err).Code; code != failure.ExecExists {
		t.Fatalf("answered %v", err)
	}
}

// A guest that is slow, and busy with others, comes to look at the clock only when the time for company is over.
func TestASilentCommandIsToldAtOnceHoweverSlowTheGuest(t *testing.T) {
	usual := holdTime
	holdTime = 0
	defer func() { holdTime = usual }()
	exec, err := newTestRegistry().Start(specOf("sleep", "30"))
	if err != nil {
		t.Fatal(err)
	}
	defer exec.Stop(context.Background(), 0)
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	var stream bytes.Buffer
	flushed := 0
	exec.Stream(ctx, 0, &stream, func() error {
		flushed++
		cancel()
		return nil
	})
	if flushed != 1 || Kind(stream.Bytes()[0]) != KindStatus {
		t.Fatalf("%d flushes", flushed)
	}
}

func TestStdinFlowsAndCloses(t *testing.T) {
	registry := newTestRegistry()
	spec := specOf("cat")
	spec.Stdin = true
	exec, err := registry.Start(spec)
	if err != nil {
		t.Fatal(err)
	}
	if !exec.Status().StdinOpen {
		t.Fatal("stdin is not open")
	}
	written, err := exec.WriteStdin(context.Background(), strings.NewReader("to be\nor not"), true)
	if err != nil || written != 12 {
		t.Fatalf("%d bytes, %v", written, err)
	}
	exec.Wait(context.Background(), 10*time.Second)
	_, err = exec.WriteStdin(context.Background(), strings.NewReader("more"), false)
	if failure.From(err).Code != failure.StdinClosed {
		t.Fatalf("answered %v", err)
	}
	var stream bytes.Buffer
	exec.Stream(context.Background(), 0, &stream, func() error { return nil })
	if stdout, _, status := split(t, stream.Bytes()); stdout != "to be\nor not" || *status.ExitCode != 0 || status.StdinOpen {
		t.Fatalf("%q %+v", stdout, status)
	}
}

func TestStdinThatNobodyReadsCanBeGivenUp(t *testing.T) {
	spec := specOf("sleep", "100")
	spec.Stdin = true
	exec, err := newTestRegistry().Start(spec)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	if _, err := exec.WriteStdin(ctx, bytes.NewReader(make([]byte, 1<<20)), false); err == nil {
		t.Fatal("a mebibyte went into a process that does not read")
	}
	exec.Stop(context.Background(), 0)
}

func TestATimeoutKillsAndSaysSo(t *testing.T) {
	spec := specOf("sh", "-c", "trap '' TERM; sleep 100 & wait; sleep 100")
	spec.TimeoutMs = 100
	_, _, status := ran(t, newTestRegistry(), spec)
	if !status.TimedOut || status.Signal != "KILL" || *status.ExitCode != 137 || status.DurationMs > 5000 {
		t.Fatalf("%+v", status)
	}
}

func TestASignalReachesTheGroup(t *testing.T) {
	registry := newTestRegistry()
	exec, err := registry.Start(specOf("sleep", "100"))
	if err != nil {
		t.Fatal(err)
	}
	if err := exec.Signal("INT"); err != nil {
		t.Fatal(err)
	}
	exec.Wait(context.Background(), 10*time.Second)
	if status := exec.Status(); status.Signal != "INT" || *status.ExitCode != 130 {
		t.Fatalf("%+v", status)
	}
	if err := exec.Signal("INT"); failure.From(err).Code != failure.ExecEnded {
		t.Fatalf("a second signal answered %v", err)
	}
	if err := exec.Signal("NONSENSE"); failure.From(err).Code != failure.InvalidRequest {
		t.Fatalf("a nonsense signal answered %v", err)
	}
}

func TestAChildThatHoldsThePipeDoesNotHoldTheEnd(t *testing.T) {
	began := time.Now()
	stdout, _, status := ran(t, newTestRegistry(), specOf("sh", "-c", "(setsid sleep 3 &) ; echo main; exit 0"))
	if stdout != "main\n" || *status.ExitCode != 0 || time.Since(began) > 2*time.Second {
		t.Fatalf("%q %+v after %v", stdout, status, time.Since(began))
	}
}

func TestAllOutputComesBeforeTheEnd(t *testing.T) {
	stdout, _, status := ran(t, newTestRegistry(), specOf("sh", "-c", "head -c 5000000 /dev/zero"))
	if len(stdout) != 5_000_000 || status.StdoutBytes != 5_000_000 {
		t.Fatalf("%d bytes, %+v", len(stdout), status)
	}
}

func TestDeletingAsksFirstAndKillsThen(t *testing.T) {
	registry := newTestRegistry()
	exec, _ := registry.Start(specOf("sh", "-c", "trap '' TERM; while :; do sleep 0.05; done"))
	time.Sleep(50 * time.Millisecond)
	began := time.Now()
	if err := exec.Stop(context.Background(), 200*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	registry.Forget(exec)
	if took := time.Since(began); took < 200*time.Millisecond || exec.Status().Signal != "KILL" {
		t.Fatalf("ended after %v by %q", took, exec.Status().Signal)
	}
	if _, err := registry.Find(exec.ID); failure.From(err).Code != failure.ExecNotFound {
		t.Fatalf("a deleted exec answers %v", err)
	}
}

func TestTheOldestEndedExecsGoFirst(t *testing.T) {
	registry := newTestRegistry()
	var first *Exec
	for index := range endedKept + 10 {
		exec, err := registry.Start(specOf("/no/such"))
		if err != nil {
			t.Fatal(err)
		}
		if index == 0 {
			first = exec
		}
	}
	if kept := len(registry.All()); kept > endedKept+1 {
		t.Fatalf("%d execs are kept", kept)
	}
	if _, err := registry.Find(first.ID); err == nil {
		t.Fatal("the oldest is still there")
	}
}

func TestNoDescriptorIsLeftBehind(t *testing.T) {
	registry := newTestRegistry()
	count := func() int {
		names, _ := os.ReadDir("/proc/self/fd")
		return len(names)
	}
	ran(t, registry, specOf("true"))
	before := count()
	for range 50 {
		spec := specOf("sh", "-c", "echo x")
		spec.Stdin = true
		ran(t, registry, spec)
	}
	if after := count(); after > before+3 {
		t.Fatalf("%d descriptors became %d", before, after)
	}
	if err := syscall.Kill(os.Getpid(), 0); err != nil {
		t.Fatal(err)
	}
}
