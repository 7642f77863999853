package machine

import (
	"crypto/rand"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"alcove.dev/agent/execs"
)

const (
	hookDirectory = "/etc/alcove/renew.d"
	hookDeadline  = 10 * time.Second
	// mostHooks are run, of so many names that are looked at.
	mostHooks       = 64
	hookNames       = 1024
	hookOutputBytes = 8 << 10
	hookLogBytes    = 64 << 10
)

// hooks are the users' programs that make others re-key, reconnect, look at the time again: run after a renewal that is
// not a template's first, one after the other. A renewal that comes meanwhile makes them begin again after the current one.
type hooks struct {
	directory string
	run       func(*execs.Spec) (*execs.Status, []byte, error)
	log       func(content string)
	mutex     sync.Mutex
	next      *occasion
	isBusy    bool
}

// occasion is what hooks are told.
type occasion struct {
	generation   uint64
	reason, seed string
}

func newHooks(directory string, run func(*execs.Spec) (*execs.Status, []byte, error)) *hooks {
	return &hooks{directory: directory, run: run, log: func(string) {}}
}

// start has the hooks run, and waits for none.
func (h *hooks) start(what occasion) {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	h.next = &what
	if !h.isBusy {
		h.isBusy = true
		go h.work()
	}
}

func (h *hooks) work() {
	for what := h.take(); what != nil; what = h.take() {
		h.runAll(what)
	}
}

func (h *hooks) take() *occasion {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	what := h.next
	h.next, h.isBusy = nil, what != nil
	return what
}

func (h *hooks) isOutdated() bool {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	return h.next != nil
}

func (h *hooks) runAll(what *occasion) {
	names := h.names()
	if len(names) == 0 {
		return
	}
	log := fmt.Sprintf("generation %d, %s\n", what.generation, what.reason)
	for _, name := range names {
		if h.isOutdated() {
			return
		}
		log += h.runOne(name, what)
		h.log(cutTo(log, hookLogBytes))
	}
}

// names lists the hooks in their order; there usually is no such directory.
func (h *hooks) names() []string {
	directory, err := os.Open(h.directory)
	if err != nil {
		return nil
	}
	defer directory.Close()
	names, _ := directory.Readdirnames(hookNames)
	slices.Sort(names)
	names = slices.DeleteFunc(names, func(name string) bool { return !h.isHook(name) })
	return names[:min(len(names), mostHooks)]
}

func (h *hooks) isHook(name string) bool {
	const execute fs.FileMode = 0o111
	info, err := os.Stat(filepath.Join(h.directory, name))
	return err == nil && !strings.HasPrefix(name, ".") && info.Mode().IsRegular() && info.Mode()&execute != 0
}

// runOne runs a hook and answers what the log has of it.
func (h *hooks) runOne(name string, what *occasion) string {
	environment := map[string]string{"ALCOVE_GENERATION": strconv.FormatUint(what.generation, 10), "ALCOVE_REASON": what.reason}
	if what.seed != "" {
		environment["ALCOVE_SEED"] = what.seed
	}
	status, output, err := h.run(&execs.Spec{
		ID: randomUUID(), Argv: []string{filepath.Join(h.directory, name)}, User: "0", WorkingDirectory: "/",
		Environment: environment, TimeoutMs: hookDeadline.Milliseconds(), OutputLimitBytes: hookOutputBytes,
	})
	if err != nil {
		return fmt.Sprintf("%s: %v\n", name, err)
	}
	text := strings.ToValidUTF8(string(output), "�")
	if text != "" && !strings.HasSuffix(text, "\n") {
		text += "\n"
	}
	return text + fmt.Sprintf("%s: %s after %.0f ms\n", name, endOf(status), status.DurationMs)
}

func endOf(status *execs.Status) string {
	switch {
	case status.TimedOut:
		return fmt.Sprintf("killed for taking more than %v,", hookDeadline)
	case status.Signal != "":
		return "ended by SIG" + status.Signal
	}
	return fmt.Sprintf("exit code %d", *status.ExitCode)
}

func cutTo(text string, bytes int) string {
	const mark = "\n(cut)\n"
	if len(text) <= bytes {
		return text
	}
	return strings.ToValidUTF8(text[:bytes-len(mark)], "") + mark
}

func randomUUID() string {
	var raw [16]byte
	rand.Read(raw[:])
	return fmt.Sprintf("%x-%x-%x-%x-%x", raw[:4], raw[4:6], raw[6:8], raw[8:10], raw[10:])
}
