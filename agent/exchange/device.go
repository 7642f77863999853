// Package exchange carries large contents past the channel: through a disk of the sandbox that is a file of the daemon's. The
// bytes are moved by the machine below the guest, not by its processor; the channel says only where they lie (PROTOCOL.md).
//
// device.go the disk and its slots · content.go what the daemon put there · writer.go what it is to fetch.
package exchange

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// The disk's layout, as the daemon has it too: a transfer has a slot to itself, and uses its places in turns.
const (
	PlaceBytes    = 4 << 20
	PlacesPerSlot = 4
	Slots         = 4
	slotBytes     = PlaceBytes * PlacesPerSlot
	// sectorBytes is what reads and writes of any disk may come in.
	sectorBytes = 4096
	serial      = "alcove-exchange"
)

// ErrNoDisk is said where the machine has no such disk.
var ErrNoDisk = errors.New("this machine has no disk for exchange")

// Device is the disk.
type Device struct {
	file  *os.File
	slots [Slots]Slot
}

// Find opens the disk, which tells by its serial number which one it is.
func Find(blocks, devices string) (*Device, error) {
	files, err := filepath.Glob(filepath.Join(blocks, "*", "serial"))
	if err != nil {
		return nil, err
	}
	for _, path := range files {
		content, err := os.ReadFile(path)
		if err == nil && strings.TrimSpace(string(content)) == serial {
			return Open(filepath.Join(devices, filepath.Base(filepath.Dir(path))))
		}
	}
	return nil, ErrNoDisk
}

// Open opens the disk, or a file that stands for it. A file system in memory has no cache that could be passed by.
func Open(path string) (*Device, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_EXCL|unix.O_DIRECT, 0)
	if errors.Is(err, unix.EINVAL) {
		file, err = os.OpenFile(path, os.O_RDWR, 0)
	}
	if err != nil {
		return nil, fmt.Errorf("open the disk for exchange: %w", err)
	}
	device := &Device{file: file}
	for number := range device.slots {
		device.slots[number] = Slot{file: file, start: int64(number) * slotBytes, turn: make(chan struct{}, 1)}
	}
	return device, nil
}

// Slot is one transfer's part of the disk.
type Slot struct {
	file  *os.File
	start int64
	turn  chan struct{}
}

// Claim waits until whoever had the slot before has left it: a transfer that was given up may still be writing.
func (d *Device) Claim(ctx context.Context, number int) (*Slot, error) {
	slot := &d.slots[number]
	select {
	case slot.turn <- struct{}{}:
		return slot, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Release lets the next one in.
func (s *Slot) Release() { <-s.turn }

func (s *Slot) at(place int) int64 { return s.start + int64(place%PlacesPerSlot)*PlaceBytes }

// whole rounds up to what the disk takes.
func whole(bytes int) int { return (bytes + sectorBytes - 1) / sectorBytes * sectorBytes }
