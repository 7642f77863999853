package machine

import (
	"testing"
	"time"
)

func TestWhatBeganBeforeASleepBeganWhenItDid(t *testing.T) {
	var boots bootTimes
	evening := time.Date(2031, 5, 1, 20, 0, 0, 0, time.UTC)
	boots.stepped(time.Minute, evening)
	boots.stepped(time.Hour, evening.Add(10*time.Hour))
	for afterBoot, wanted := range map[time.Duration]time.Time{
		30 * time.Second: evening.Add(30 * time.Second),
		30 * time.Minute: evening.Add(10*time.Hour + 30*time.Minute),
	} {
		if seen := boots.wallTime(afterBoot); !seen.Equal(wanted) {
			t.Errorf("%v after the boot it was %v", afterBoot, seen)
		}
	}
	now := uptime()
	if now > time.Hour {
		if off := time.Since(boots.wallTime(now)).Abs(); off > time.Second {
			t.Errorf("now is %v off", off)
		}
	}
	for range 1000 {
		boots.stepped(2*time.Hour, evening)
	}
	if len(boots.spans) > bootSpans {
		t.Errorf("%d are kept", len(boots.spans))
	}
}

func TestAMeasurementThatARenewalCameIntoMovesNothing(t *testing.T) {
	var set []int64
	real := setClock
	defer func() { setClock = real }()
	setClock = func(unixNanos int64) error { set = append(set, unixNanos); return nil }
	var c clock
	measuredAfter := c.renewals.Load()
	c.renew(5)
	c.correct(measuredAfter, time.Hour)
	if len(set) != 1 {
		t.Fatalf("it was set to %v", set)
	}
	c.correct(c.renewals.Load(), time.Hour)
	if len(set) != 2 {
		t.Fatalf("it was set to %v", set)
	}
}
