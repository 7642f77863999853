package machine

import (
	"sync"
	"time"
)

// bootTimes translates times since boot, which the kernel keeps of processes, into those of the wall clock. Each sleep moves the
// wall clock against the time since boot, but not what happened before.
type bootTimes struct {
	mutex sync.Mutex
	spans []bootSpan
}

// bootSpan: what happened before so long after the boot, happened by a clock that had the boot at this time.
type bootSpan struct {
	until  time.Duration
	booted time.Time
}

// bootSpans are remembered: what is older is told by the oldest of them.
const bootSpans = 64

// stepped says that the clock was set when the machine had run for so long, and when it had booted by the clock before.
func (b *bootTimes) stepped(running time.Duration, booted time.Time) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	if len(b.spans) == bootSpans {
		b.spans = append(b.spans[:0], b.spans[1:]...)
	}
	b.spans = append(b.spans, bootSpan{until: running, booted: booted.Round(0)})
}

// wallTime is what the wall clock showed so long after the boot.
func (b *bootTimes) wallTime(afterBoot time.Duration) time.Time {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	for _, span := range b.spans {
		if afterBoot < span.until {
			return span.booted.Add(afterBoot)
		}
	}
	return time.Now().Add(afterBoot - uptime())
}
