package execs

import (
	"bytes"
	"context"
	"runtime"
	"strings"
	"testing"
	"time"

	"alcove.dev/agent/failure"
)

func TestAFastWriterCannotOutrunTheReaderItWasStartedWith(t *testing.T) {
	const size = 8 << 20
	spec := specOf("head", "-c", "8388608", "/dev/zero")
	spec.Attach = true
	exec, err := newTestRegistry().Start(spec)
	if err != nil {
		t.Fatal(err)
	}
	// Without its reader it would end in this time, and most of its output be gone.
	exec.Wait(context.Background(), 300*time.Millisecond)
	var stream bytes.Buffer
	if err := exec.Stream(context.Background(), 0, &stream, func() error { return nil }); err != nil {
		t.Fatal(err)
	}
	if stdout, _, status := split(t, stream.Bytes()); len(stdout) != size || *status.ExitCode != 0 {
		t.Fatalf("%d bytes came, %+v", len(stdout), status)
	}
}

func TestAnExecTakesStdinFromWhenItCanBeFound(t *testing.T) {
	registry := newTestRegistry()
	for range 30 {
		spec := specOf("cat")
		spec.Stdin = true
		started := make(chan error, 1)
		go func() {
			_, err := registry.Start(spec)
			started <- err
		}()
		exec, err := registry.Find(spec.ID)
		for deadline := time.Now().Add(10 * time.Second); err != nil && time.Now().Before(deadline); {
			runtime.Gosched()
			exec, err = registry.Find(spec.ID)
		}
		if err != nil {
			t.Fatal(err)
		}
		if _, err := exec.WriteStdin(context.Background(), strings.NewReader("x"), true); err != nil {
			t.Fatalf("it could be found, but: %v", err)
		}
		if err := <-started; err != nil {
			t.Fatal(err)
		}
		exec.Wait(context.Background(), 10*time.Second)
		if counts := exec.journal.Counts(); counts.Stdout != 1 {
			t.Fatalf("%+v", counts)
		}
	}
}

func TestAnExecThatIsToBeForgottenGoesOnceItsEndWasDelivered(t *testing.T) {
	registry := newTestRegistry()
	registry.keptDelivered = 200 * time.Millisecond
	spec, kept := specOf("true"), specOf("true")
	spec.Forget = true
	ran(t, registry, spec)
	ran(t, registry, kept)
	if len(registry.All()) != 2 {
		t.Fatal("it is gone although nobody was sent its end")
	}
	exec, _ := registry.Find(spec.ID)
	other, _ := registry.Find(kept.ID)
	registry.Delivered(exec)
	registry.Delivered(other)
	if all := registry.All(); len(all) != 1 || all[0] != other {
		t.Fatalf("%d execs are listed", len(all))
	}
	if _, err := registry.Find(spec.ID); err != nil {
		t.Fatalf("a reader that lost the end cannot ask for it again: %v", err)
	}
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if _, err := registry.Find(spec.ID); failure.From(err) != nil && failure.From(err).Code == failure.ExecNotFound {
			return
		}
	}
	t.Fatal("it is still there")
}
