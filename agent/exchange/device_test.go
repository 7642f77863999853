package exchange

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"
)

const patience = 10 * time.Second

var sizes = []int{0, 1, 512, PlaceBytes - 1, PlaceBytes, PlaceBytes + 1, 5*PlaceBytes + 7}

// openDisk opens a file that stands for the disk, and the daemon's own view of it.
func openDisk(t *testing.T) (*Device, *os.File) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "disk")
	daemon, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { daemon.Close() })
	if err := daemon.Truncate(Slots * slotBytes); err != nil {
		t.Fatal(err)
	}
	device, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { device.file.Close() })
	return device, daemon
}

// claim claims the last slot, whose places lie farthest from the beginning.
func claim(t *testing.T, device *Device) *Slot {
	t.Helper()
	slot, err := device.Claim(context.Background(), Slots-1)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(slot.Release)
	return slot
}

// at is where a place lies for the daemon, which counts by itself.
func at(place int) int64 {
	return int64(Slots-1)*PlacesPerSlot*PlaceBytes + int64(place%PlacesPerSlot)*PlaceBytes
}

// contentOf has no period that divides a place: bytes of another place would be seen.
func contentOf(size int) []byte {
	content := make([]byte, size)
	for index := range content {
		content[index] = byte(index%251 ^ index/PlaceBytes)
	}
	return content
}

func TestASlotIsForOneAtATime(t *testing.T) {
	device, _ := openDisk(t)
	first, err := device.Claim(context.Background(), 2)
	if err != nil {
		t.Fatal(err)
	}
	impatient, giveUp := context.WithCancel(context.Background())
	refused := make(chan error)
	go func() {
		_, err := device.Claim(impatient, 2)
		refused <- err
	}()
	giveUp()
	if err := <-refused; err != context.Canceled {
		t.Fatalf("who gave up was answered %v", err)
	}
	other, err := device.Claim(context.Background(), 1)
	if err != nil {
		t.Fatal(err)
	}
	other.Release()
	second := make(chan error)
	go func() {
		_, err := device.Claim(context.Background(), 2)
		second <- err
	}()
	select {
	case err := <-second:
		t.Fatalf("the slot has two claims, %v", err)
	case <-time.After(20 * time.Millisecond):
	}
	first.Release()
	if err := <-second; err != nil {
		t.Fatal(err)
	}
}

func TestTheDiskIsFoundByItsSerialNumber(t *testing.T) {
	blocks, devices := t.TempDir(), t.TempDir()
	if _, err := Find(blocks, devices); err != ErrNoDisk {
		t.Fatalf("without any disk: %v", err)
	}
	for name, serial := range map[string]string{"vda": "", "vdb": "another\n", "vdc": "alcove-exchange\n"} {
		os.Mkdir(filepath.Join(blocks, name), 0o755)
		os.WriteFile(filepath.Join(blocks, name, "serial"), []byte(serial), 0o644)
		os.WriteFile(filepath.Join(devices, name), []byte(name), 0o644)
	}
	device, err := Find(blocks, devices)
	if err != nil {
		t.Fatal(err)
	}
	defer device.file.Close()
	if filepath.Base(device.file.Name()) != "vdc" {
		t.Fatalf("found %s", device.file.Name())
	}
}
