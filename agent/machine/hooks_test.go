package machine

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"alcove.dev/agent/api"
	"alcove.dev/agent/execs"
)

// hooked has hooks in a directory, and records those that run.
type hooked struct {
	*hooks
	mutex   sync.Mutex
	ran     []string
	logged  string
	started chan string
	goOn    chan struct{}
}

func newHooked(t *testing.T, names ...string) *hooked {
	t.Helper()
	h := &hooked{started: make(chan string, 100), goOn: make(chan struct{}, 100)}
	directory := t.TempDir()
	for _, name := range names {
		mode := os.FileMode(0o755)
		if strings.Contains(name, "plain") {
			mode = 0o644
		}
		os.WriteFile(filepath.Join(directory, name), []byte("x"), mode)
	}
	os.Mkdir(filepath.Join(directory, "05-directory"), 0o755)
	h.hooks = newHooks(directory, h.record)
	h.log = func(content string) { h.mutex.Lock(); defer h.mutex.Unlock(); h.logged = content }
	return h
}

func (h *hooked) record(spec *execs.Spec) (*execs.Status, []byte, error) {
	name := filepath.Base(spec.Argv[0])
	h.mutex.Lock()
	h.ran = append(h.ran, name+" "+spec.Environment["ALCOVE_GENERATION"]+" "+spec.Environment["ALCOVE_REASON"]+spec.Environment["ALCOVE_SEED"])
	h.mutex.Unlock()
	h.started <- name
	<-h.goOn
	if spec.TimeoutMs != 10_000 || spec.User != "0" {
		return nil, nil, fmt.Errorf("started as %+v", spec)
	}
	if strings.Contains(name, "broken") {
		return nil, nil, errors.New("it is broken")
	}
	code := 3
	return &execs.Status{ExitCode: &code, TimedOut: strings.Contains(name, "slow"), DurationMs: 12}, []byte("said"), nil
}

func (h *hooked) wait(t *testing.T) {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(time.Millisecond) {
		h.hooks.mutex.Lock()
		busy := h.isBusy
		h.hooks.mutex.Unlock()
		if !busy {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("the hooks do not end")
		}
	}
}

func TestHooksRunInTheOrderOfTheirNamesAndTheLogSaysHow(t *testing.T) {
	h := newHooked(t, "20-slow", "10-first", ".hidden", "15-plain", "30-broken")
	close(h.goOn)
	h.start(occasion{generation: 4, reason: reasonFork, seed: "5eed"})
	h.wait(t)
	if seen := fmt.Sprint(h.ran); seen != "[10-first 4 fork5eed 20-slow 4 fork5eed 30-broken 4 fork5eed]" {
		t.Errorf("ran: %s", seen)
	}
	wanted := "generation 4, fork\nsaid\n10-first: exit code 3 after 12 ms\nsaid\n20-slow: killed for taking more than 10s, after 12 ms\n30-broken: it is broken\n"
	if h.logged != wanted {
		t.Errorf("the log is %q", h.logged)
	}
}

func TestARenewalThatComesMeanwhileMakesTheHooksBeginAgain(t *testing.T) {
	h := newHooked(t, "10", "20")
	h.start(occasion{generation: 2, reason: reasonResume})
	<-h.started
	h.start(occasion{generation: 3, reason: reasonFork})
	h.start(occasion{generation: 4, reason: reasonFork})
	close(h.goOn)
	h.wait(t)
	if seen := fmt.Sprint(h.ran); seen != "[10 2 resume 10 4 fork 20 4 fork]" {
		t.Errorf("ran: %s", seen)
	}
}

func TestWithoutHooksNothingRunsAndNothingIsLogged(t *testing.T) {
	h := newHooked(t)
	h.directory = filepath.Join(h.directory, "absent")
	h.start(occasion{generation: 2, reason: reasonResume})
	h.wait(t)
	if len(h.ran) > 0 || h.logged != "" {
		t.Errorf("ran %v, logged %q", h.ran, h.logged)
	}
}

func TestTheLogIsBounded(t *testing.T) {
	if text := cutTo(strings.Repeat("é", 100_000), hookLogBytes); len(text) > hookLogBytes || !strings.HasSuffix(text, "(cut)\n") {
		t.Fatalf("%d bytes", len(text))
	}
}

func TestARenewalIsNewsOnlyToWhatRanBefore(t *testing.T) {
	for _, row := range []struct {
		before, after life
		wanted        string
	}{
		{life{0, ""}, life{1, "a"}, ""},
		{life{1, "a"}, life{1, "a"}, ""},
		{life{2, "a"}, life{1, "a"}, ""},
		{life{1, "a"}, life{2, "a"}, reasonResume},
		{life{1, "a"}, life{2, "b"}, reasonFork},
	} {
		if seen := reasonOf(row.before, row.after); seen != row.wanted {
			t.Errorf("%v after %v: %q", row.after, row.before, seen)
		}
	}
}

func TestTheSameSeedIsTheSameForProgramsAndNoneIsNone(t *testing.T) {
	entropy := []byte(strings.Repeat("e", 64))
	first, again := seedOf(api.Renewal{Seeded: true, Entropy: entropy}), seedOf(api.Renewal{Seeded: true, Entropy: entropy})
	if first != again || len(first) != 64 || first == seedOf(api.Renewal{Seeded: true, Entropy: entropy[1:]}) {
		t.Errorf("%q and %q", first, again)
	}
	if seed := seedOf(api.Renewal{Entropy: entropy}); seed != "" {
		t.Errorf("without a seed there is %q", seed)
	}
}
