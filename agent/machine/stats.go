package machine

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"alcove.dev/agent/api"
)

// usecPerTick: the kernel tells CPU time in hundredths of a second.
const usecPerTick = 10_000

// Stats reads the sandbox's figures.
func (m *Machine) Stats() (api.Stats, error) {
	memory, err := m.memory()
	if err != nil {
		return api.Stats{}, err
	}
	stats := api.Stats{
		MemoryTotalBytes: memory.totalBytes,
		MemoryUsedBytes:  memory.totalBytes - memory.availableBytes,
		UptimeMs:         uptime().Milliseconds(),
		UnixNanos:        time.Now().UnixNano(),
	}
	var disk unix.Statfs_t
	if m.prepared.Load() && unix.Statfs("/", &disk) == nil {
		stats.DiskTotalBytes = int64(disk.Blocks) * disk.Bsize
		stats.DiskUsedBytes = int64(disk.Blocks-disk.Bfree) * disk.Bsize
	}
	if stats.CPUUsageUsec, err = m.cpuUsec(); err != nil {
		return api.Stats{}, err
	}
	if content, err := m.proc.read("loadavg"); err == nil {
		fmt.Sscan(string(content), &stats.LoadAverage1m)
	}
	if m.prepared.Load() {
		stats.ProcessCount, err = m.countProcesses()
	}
	return stats, err
}

// cpuUsec is the time that all processors were busy.
func (m *Machine) cpuUsec() (int64, error) {
	content, err := m.proc.read("stat")
	if err != nil {
		return 0, err
	}
	line, _, _ := strings.Cut(string(content), "\n")
	var busyTicks int64
	for index, field := range strings.Fields(line) {
		const idle, waiting, guest = 4, 5, 9
		if index == 0 || index == idle || index == waiting || index >= guest {
			continue
		}
		ticks, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("/proc/stat: %w", err)
		}
		busyTicks += ticks
	}
	return busyTicks * usecPerTick, nil
}

type memoryFigures struct{ totalBytes, availableBytes int64 }

func (m *Machine) memory() (memoryFigures, error) {
	content, err := m.proc.read("meminfo")
	if err != nil {
		return memoryFigures{}, err
	}
	var figures memoryFigures
	for line := range strings.Lines(string(content)) {
		fields := strings.Fields(line)
		if len(fields) < 2 {
			continue
		}
		kibibytes, err := strconv.ParseInt(fields[1], 10, 64)
		if err != nil {
			continue
		}
		switch fields[0] {
		case "MemTotal:":
			figures.totalBytes = kibibytes << 10
		case "MemAvailable:":
			figures.availableBytes = kibibytes << 10
		}
	}
	if figures.totalBytes == 0 {
		return figures, fmt.Errorf("/proc/meminfo tells no MemTotal")
	}
	return figures, nil
}
