package execs

import (
	"sync"
	"time"

	"alcove.dev/agent/failure"
)

// endedKept is how many ended execs are remembered at most.
const (
	endedKept     = 256
	evictedAtOnce = 32
	keptDelivered = 10 * time.Second
)

// Registry knows every exec until it is deleted.
type Registry struct {
	sandbox *Sandbox
	budget  *Budget
	mutex   sync.Mutex
	byID    map[string]*Exec
	order   []*Exec
	renewed map[string]string
	trust   map[string]string
	// keptDelivered is for how long an exec that is to be forgotten can still be found.
	keptDelivered time.Duration
}

// NewRegistry makes an empty registry whose journals together stay under journalLimit bytes.
func NewRegistry(sandbox *Sandbox, journalLimit int64) *Registry {
	return &Registry{sandbox: sandbox, budget: NewBudget(journalLimit), byID: map[string]*Exec{}, keptDelivered: keptDelivered}
}

// SetEnvironment replaces what every later exec gets besides what it asks for.
func (r *Registry) SetEnvironment(variables map[string]string) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.renewed = variables
}

// SetTrust replaces what tells every later exec whom to trust, unless it is told something else.
func (r *Registry) SetTrust(variables map[string]string) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.trust = variables
}

// Start begins an exec.
func (r *Registry) Start(spec *Spec) (*Exec, error) { return r.start(spec, r.add) }

// RunUnlisted runs an exec that nobody can find, to its end, and answers what it wrote, both streams in the order they were read.
func (r *Registry) RunUnlisted(spec *Spec) (*Status, []byte, error) {
	exec, err := r.start(spec, func(*Exec) error { return nil })
	if err != nil {
		return nil, nil, err
	}
	<-exec.finished
	defer exec.journal.forget()
	return exec.Status(), exec.journal.content(), nil
}

func (r *Registry) start(spec *Spec, list func(*Exec) error) (*Exec, error) {
	if err := spec.validate(); err != nil {
		return nil, err
	}
	r.mutex.Lock()
	given := []map[string]string{spec.ofTerminal(), r.trust, r.renewed, spec.Environment}
	r.mutex.Unlock()
	begun, err := r.sandbox.prepare(spec, given)
	if err != nil {
		return nil, err
	}
	if err := begun.connect(spec); err != nil {
		begun.pipes.closeAll()
		return nil, failure.FromSystem(err, "prepare exec "+spec.ID)
	}
	exec := &Exec{
		ID: spec.ID, argv: spec.Argv, forget: spec.Forget, started: time.Now(), finished: make(chan struct{}),
		terminal: begun.pipes.terminal, stdin: newStdin(begun.pipes.stdin), journal: newJournal(r.budget, spec.OutputLimitBytes),
	}
	exec.journal.isTerminal = spec.Terminal != nil
	if spec.Attach {
		exec.attached = exec.journal.read(0)
	}
	begun.exec = exec
	if err := list(exec); err != nil {
		begun.pipes.closeAll()
		exec.journal.forget()
		return nil, err
	}
	if err := begun.run(spec); err != nil {
		r.Forget(exec)
		return nil, err
	}
	return exec, nil
}

// Interrupted tells whoever follows an exec that runs that the sandbox stood still.
func (r *Registry) Interrupted(from, to time.Time) {
	for _, exec := range r.All() {
		if !exec.isFinished() {
			exec.journal.interrupt(from, to)
		}
	}
}

// Find returns an exec.
func (r *Registry) Find(id string) (*Exec, error) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if exec, found := r.byID[id]; found {
		return exec, nil
	}
	return nil, failure.New(failure.ExecNotFound, "There is no exec %q.", id)
}

// All lists the execs in the order they were started, but for those whose end was delivered to somebody who wanted no more.
func (r *Registry) All() []*Exec {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	all := make([]*Exec, 0, len(r.order))
	for _, exec := range r.order {
		if !exec.delivered {
			all = append(all, exec)
		}
	}
	return all
}

// Delivered says that a reader was sent an exec's last frame. One that asked for it is forgotten then: after a while, since a
// channel that breaks may have lost the frame, and its reader asks for it again.
func (r *Registry) Delivered(exec *Exec) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if exec.forget && !exec.delivered {
		exec.delivered = true
		time.AfterFunc(r.keptDelivered, func() { r.Forget(exec) })
	}
}

// add makes an exec known, with all that a caller who finds it may ask of it.
func (r *Registry) add(exec *Exec) error {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if _, exists := r.byID[exec.ID]; exists {
		return failure.New(failure.ExecExists, "There is an exec %s already.", exec.ID)
	}
	r.byID[exec.ID] = exec
	r.order = append(r.order, exec)
	r.evict()
	return nil
}

// evict forgets the oldest ended execs: some more than has to be, so that it need not look at all of them every time.
func (r *Registry) evict() {
	if len(r.order) <= endedKept && !r.budget.short() {
		return
	}
	ended := 0
	for _, exec := range r.order {
		if exec.isFinished() {
			ended++
		}
	}
	if ended <= endedKept && !r.budget.short() {
		return
	}
	kept := r.order[:0]
	for _, exec := range r.order {
		if exec.isFinished() && (ended > endedKept-evictedAtOnce || r.budget.short()) {
			ended--
			delete(r.byID, exec.ID)
			exec.journal.forget()
			continue
		}
		kept = append(kept, exec)
	}
	clear(r.order[len(kept):])
	r.order = kept
}

// Forget drops an exec and its output.
func (r *Registry) Forget(exec *Exec) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if r.byID[exec.ID] != exec {
		return
	}
	delete(r.byID, exec.ID)
	for index, other := range r.order {
		if other == exec {
			r.order = append(r.order[:index], r.order[index+1:]...)
			break
		}
	}
	exec.journal.forget()
}

func (e *Exec) isFinished() bool {
	select {
	case <-e.finished:
		return true
	default:
		return false
	}
}
