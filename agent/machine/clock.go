package machine

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"alcove.dev/agent/channel"
)

const (
	timeInterval = 10 * time.Second
	// largestRoundTrip is how long an answer may take to still say something about the time.
	largestRoundTrip = 400 * time.Millisecond
	// promptRoundTrip is good enough: an answer is about the middle of its round trip, give or take the half of it. In an emulated machine
	// that has just been resumed the first one is slow.
	promptRoundTrip  = 30 * time.Millisecond
	measurementTries = 4
)

// keepTime asks the daemon for the time, at once, after each renewal and every 10 s, and keeps the clock to it, until the client is
// over.
func (m *Machine) keepTime(client *channel.Client) {
	var slew Slew
	var last time.Time
	ticker := time.NewTicker(timeInterval)
	defer ticker.Stop()
	for {
		renewals := m.clock.renewals.Load()
		offset, err := bestOf(func() (time.Duration, time.Duration, error) { return measure(client) })
		if err == nil && renewals == m.clock.renewals.Load() {
			now := time.Now()
			step, rate := slew.Measured(offset, now.Sub(last))
			last = now
			if step {
				m.clock.correct(renewals, offset)
			}
			setRate(rate)
		}
		select {
		case <-client.Closed():
			return
		case <-m.renewed:
			slew.Fresh = true
		case <-ticker.C:
		}
	}
}

// clock is the wall clock, which renewals set and corrections move. A measurement that a renewal came into compares two
// different clocks, and is worth nothing.
type clock struct {
	setting  sync.Mutex
	renewals atomic.Uint64
}

func (c *clock) renew(unixNanos int64) error {
	c.setting.Lock()
	defer c.setting.Unlock()
	c.renewals.Add(1)
	return setClock(unixNanos)
}

// correct moves the clock by an offset that was measured after so many renewals.
func (c *clock) correct(renewals uint64, offset time.Duration) {
	c.setting.Lock()
	defer c.setting.Unlock()
	if c.renewals.Load() == renewals {
		setClock(time.Now().Add(offset).UnixNano())
	}
}

// bestOf measures again while the round trip is long, and answers with the offset of the shortest.
func bestOf(measure func() (offset, roundTrip time.Duration, err error)) (time.Duration, error) {
	best, shortest := time.Duration(0), time.Duration(math.MaxInt64)
	for range measurementTries {
		offset, roundTrip, err := measure()
		if err != nil {
			return 0, err
		}
		if roundTrip < shortest {
			best, shortest = offset, roundTrip
		}
		if shortest <= promptRoundTrip {
			break
		}
	}
	if shortest > largestRoundTrip {
		return 0, fmt.Errorf("GET /time was answered after %v at the best", shortest)
	}
	return best, nil
}

// measure returns how far the host's clock is ahead, and how long it took to ask.
func measure(client *channel.Client) (offset, roundTrip time.Duration, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://daemon/time", nil)
	if err != nil {
		return 0, 0, err
	}
	before := time.Now()
	response, err := client.Do(request)
	if err != nil {
		return 0, 0, err
	}
	defer response.Body.Close()
	content, err := io.ReadAll(io.LimitReader(response.Body, 4096))
	if err != nil {
		return 0, 0, err
	}
	roundTrip = time.Since(before)
	var answer struct {
		UnixNanos int64 `json:"unixNanos,string"`
	}
	if err := json.Unmarshal(content, &answer); err != nil {
		return 0, 0, err
	}
	if response.StatusCode != http.StatusOK || answer.UnixNanos <= 0 {
		return 0, 0, fmt.Errorf("GET /time answered %d after %v", response.StatusCode, roundTrip)
	}
	return time.Duration(answer.UnixNanos - before.Add(roundTrip/2).UnixNano()), roundTrip, nil
}

// setClock is a variable for tests.
var setClock = func(unixNanos int64) error {
	now := unix.NsecToTimespec(unixNanos)
	if err := unix.ClockSettime(unix.CLOCK_REALTIME, &now); err != nil {
		return fmt.Errorf("clock_settime: %w", err)
	}
	return nil
}

func setRate(ratePPM float64) {
	tick, frequency := tickAndFrequency(ratePPM)
	change := unix.Timex{Modes: unix.ADJ_TICK | unix.ADJ_FREQUENCY}
	change.Tick, change.Freq = tick, frequency
	unix.Adjtimex(&change)
}
