package machine

import (
	"fmt"
	"os"
	"strconv"
)

// monitorSlackNanos is how late the kernel may wake the Go runtime's monitor thread.
const monitorSlackNanos = 4_000_000

// CalmMonitor lets the Go runtime's monitor thread sleep longer. After every bit of work that thread looks around each 20 µs for a
// while, which in an emulated machine costs more than the work. It is the first thread that a Go program starts, so
// the one with the lowest number after the main thread's. Threads that it starts in turn inherit the slack; users' processes get the
// usual one back (spawn).
func CalmMonitor() error {
	threads, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return err
	}
	monitor := 0
	for _, thread := range threads {
		number, err := strconv.Atoi(thread.Name())
		if err == nil && number != os.Getpid() && (monitor == 0 || number < monitor) {
			monitor = number
		}
	}
	if monitor == 0 {
		return fmt.Errorf("the Go runtime has no monitor thread")
	}
	return os.WriteFile(fmt.Sprintf("/proc/%d/timerslack_ns", monitor), []byte(strconv.Itoa(monitorSlackNanos)), 0)
}
