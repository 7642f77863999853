package machine

import (
	"os"
	"time"

	"golang.org/x/sys/unix"

	"alcove.dev/agent/accounts"
	"alcove.dev/agent/api"
	"alcove.dev/agent/channel"
	"alcove.dev/agent/exchange"
	"alcove.dev/agent/execs"
	"alcove.dev/agent/failure"
)

// Development is a machine that leaves the one it runs on as it is: it renews, freezes and prepares nothing.
type Development struct{ Machine }

const developmentJournalBytes = 16 << 20

// NewDevelopment makes a machine that is prepared already; device may be nil.
func NewDevelopment(device *exchange.Device) *Development {
	d := &Development{Machine{exchange: device}}
	descriptor, err := unix.Open("/proc", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err == nil {
		d.proc = proc(descriptor)
	}
	d.readBootID()
	d.prepared.Store(true)
	d.Book = accounts.NewBook("/etc/passwd", "/etc/group")
	sandbox := &execs.Sandbox{
		Book:      d.Book,
		Namespace: func() (int, error) { return -1, nil },
	}
	d.Execs = execs.NewRegistry(sandbox, developmentJournalBytes)
	return d
}

// Renew takes over the generation alone, and tells execs of another life.
func (d *Development) Renew(renewal api.Renewal) error {
	reason := reasonOf(life{d.generation.Load(), d.machineID}, life{renewal.Generation, renewal.MachineID})
	d.machineID = renewal.MachineID
	d.generation.Store(renewal.Generation)
	if reason != "" {
		d.Execs.Interrupted(time.Now(), time.Unix(0, renewal.UnixNanos))
	}
	return nil
}

// OpenDisk refuses: it would unpack onto the host.
func (d *Development) OpenDisk() error {
	return failure.New(failure.InvalidRequest, "This machine builds no images.")
}

// MountVolume refuses: it would mount on the host.
func (d *Development) MountVolume(api.VolumeMount) error {
	return failure.New(failure.InvalidRequest, "This machine has no volumes.")
}

func (d *Development) Freeze(int64) (bool, error)        { return true, nil }
func (d *Development) Thaw() error                       { return nil }
func (d *Development) UnmountVolume(string) error        { return nil }
func (d *Development) SyncVolumes() error                { return nil }
func (d *Development) Prepare(api.Preparation) error     { return nil }
func (d *Development) Processes() ([]api.Process, error) { return []api.Process{}, nil }

// Stats gives the figures of the host, without processes.
func (d *Development) Stats() (api.Stats, error) {
	memory, err := d.memory()
	return api.Stats{MemoryTotalBytes: memory.totalBytes, MemoryUsedBytes: memory.totalBytes - memory.availableBytes, UnixNanos: time.Now().UnixNano()}, err
}

// Shutdown ends the program.
func (d *Development) Shutdown() { time.AfterFunc(50*time.Millisecond, func() { os.Exit(0) }) }

// WatchTime asks for the time as a sandbox does, and sets no clock.
func WatchTime(client *channel.Client) {
	for {
		measure(client)
		select {
		case <-client.Closed():
			return
		case <-time.After(timeInterval):
		}
	}
}
