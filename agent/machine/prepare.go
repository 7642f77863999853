package machine

import (
	"context"
	"errors"
	"io"
	"runtime/debug"
	"time"

	"golang.org/x/sys/unix"

	"alcove.dev/agent/api"
	"alcove.dev/agent/exchange"
	"alcove.dev/agent/execs"
	"alcove.dev/agent/failure"
)

const warmDeadline = 2 * time.Minute

// Prepare makes the root disk the root, warms what was asked for and leaves little behind.
func (m *Machine) Prepare(preparation api.Preparation) error {
	m.preparing.Lock()
	defer m.preparing.Unlock()
	if preparation.DiskBytes < 0 {
		return failure.New(failure.InvalidRequest, "diskBytes must not be negative, but is %d.", preparation.DiskBytes)
	}
	if m.build.inUse() {
		return failure.New(failure.InvalidRequest, "The machine builds an image: it is not prepared.")
	}
	if !m.prepared.Load() {
		if err := m.prepareRoot(preparation.DiskBytes); err != nil {
			return failure.New(failure.InternalError, "The root disk could not be prepared: %v.", err)
		}
		m.prepared.Store(true)
	}
	for _, argv := range preparation.Warm {
		if err := m.warm(argv); err != nil {
			return err
		}
	}
	unix.Sync()
	debug.FreeOSMemory()
	return nil
}

func (m *Machine) prepareRoot(diskBytes int64) error {
	if err := mountRootDisk(diskBytes); err != nil {
		return err
	}
	if _, err := m.users.namespace(); err != nil {
		return err
	}
	if err := switchRoot(); err != nil {
		return err
	}
	m.users.switched()
	var err error
	if m.exchange, err = exchange.Find("/sys/block", "/dev"); err != nil && !errors.Is(err, exchange.ErrNoDisk) {
		return err
	}
	m.identity = openIdentityFiles("/etc", identityDirectory)
	m.hooks.log = m.identity.log.replace
	if err := m.trust.prepare(); err != nil {
		return err
	}
	return m.openNetwork()
}

// warm runs a command once and follows it, so that what both need is in memory; how it ends does not matter.
func (m *Machine) warm(argv []string) error {
	exec, err := m.Execs.Start(&execs.Spec{ID: randomUUID(), Argv: argv, TimeoutMs: warmDeadline.Milliseconds(), OutputLimitBytes: 1})
	if err != nil {
		return err
	}
	defer m.Execs.Forget(exec)
	return exec.Stream(context.Background(), 0, io.Discard, func() error { return nil })
}
