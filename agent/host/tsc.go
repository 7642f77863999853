package host

import (
	"errors"
	"fmt"
	"math"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// PrintTSC runs "host tsc-khz": it prints the rate of this machine's time stamp counter and, on standard error, where it is from.
func PrintTSC() error {
	kilohertz, source, err := tscKilohertz()
	if err != nil {
		return err
	}
	fmt.Fprintln(os.Stderr, source)
	fmt.Println(kilohertz)
	return nil
}

func tscKilohertz() (kilohertz int64, source string, err error) {
	if !hasTSC {
		return 0, "", errors.New("this processor has no time stamp counter: not applicable")
	}
	if content, err := os.ReadFile("/sys/devices/system/cpu/cpu0/tsc_freq_khz"); err == nil {
		if value, err := strconv.ParseInt(strings.TrimSpace(string(content)), 10, 64); err == nil && value > 0 {
			return value, "tsc_freq_khz", nil
		}
	}
	if value, found := tscFromKernelLog(); found {
		return value, "kernel log", nil
	}
	value, err := measureTSC()
	return value, "measured", err
}

var detected = regexp.MustCompile(`tsc: (?:Detected|Refined TSC clocksource calibration:) ([0-9]+)\.([0-9]{3}) MHz`)

// tscFromKernelLog reads the newest figure in the kernel's log; ordinary users often may not.
func tscFromKernelLog() (int64, bool) {
	const readAll, bufferBytes = 3, 1 << 20
	buffer := make([]byte, bufferBytes)
	count, err := unix.Klogctl(readAll, buffer)
	if err != nil {
		return 0, false
	}
	return newestDetected(string(buffer[:count]))
}

func newestDetected(log string) (int64, bool) {
	matches := detected.FindAllStringSubmatch(log, -1)
	if len(matches) == 0 {
		return 0, false
	}
	last := matches[len(matches)-1]
	kilohertz, err := strconv.ParseInt(last[1]+last[2], 10, 64)
	return kilohertz, err == nil && kilohertz > 0
}

const (
	measurements    = 7
	measurementTime = 30 * time.Millisecond
	// largestSpread is how far the middle half of the measurements may lie apart.
	largestSpread = 200e-6
)

// measureTSC counts against the raw monotonic clock, several times, and takes the middle.
func measureTSC() (int64, error) {
	var rates []float64
	for range measurements {
		startCount, startTime := sampleTSC()
		time.Sleep(measurementTime)
		endCount, endTime := sampleTSC()
		rates = append(rates, float64(endCount-startCount)/float64(endTime-startTime)*1e6)
	}
	slices.Sort(rates)
	middle := rates[measurements/2]
	if spread := (rates[measurements*3/4] - rates[measurements/4]) / middle; spread > largestSpread {
		return 0, fmt.Errorf("the time stamp counter does not run evenly: measurements lie %.0f ppm apart", spread*1e6)
	}
	return int64(math.Round(middle)), nil
}

// sampleTSC reads both clocks as close together as they come in a few tries.
func sampleTSC() (count uint64, nanos int64) {
	best := uint64(math.MaxUint64)
	for range 20 {
		before := readTSC()
		now := rawMonotonic()
		after := readTSC()
		if after-before < best {
			best, count, nanos = after-before, before+(after-before)/2, now
		}
	}
	return count, nanos
}

func rawMonotonic() int64 {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC_RAW, &now); err != nil && err != syscall.EINTR {
		return 0
	}
	return now.Nano()
}
