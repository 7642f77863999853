package machine

import (
	"math/rand/v2"
	"testing"
	"time"
)

// follow lets a guest's clock drift against its host for some hours and returns how far it was off at worst, after the
// first minutes, and how often it was stepped.
func follow(driftPPM float64, start, jitter time.Duration) (worst time.Duration, steps int) {
	var slew Slew
	random := rand.New(rand.NewPCG(1, 2))
	offset, rate := float64(start), 0.0
	for round := range 4 * 360 {
		seen := time.Duration(offset) + time.Duration((random.Float64()-0.5)*2*float64(jitter))
		var step bool
		step, rate = slew.Measured(seen, timeInterval)
		if step {
			steps++
			offset -= float64(seen)
		}
		offset += (driftPPM - rate) / 1e6 * float64(timeInterval)
		if round > 60 {
			worst = max(worst, time.Duration(offset).Abs())
		}
	}
	return worst, steps
}

func TestTheClockStaysWithinFiftyMillisecondsForHours(t *testing.T) {
	for _, row := range []struct {
		driftPPM float64
		start    time.Duration
		jitter   time.Duration
	}{{0, 0, 0}, {100, 0, time.Millisecond}, {-3000, 0, 5 * time.Millisecond}, {20_000, 400 * time.Millisecond, 5 * time.Millisecond}, {0, -450 * time.Millisecond, 15 * time.Millisecond}} {
		worst, steps := follow(row.driftPPM, row.start, row.jitter)
		if worst > 50*time.Millisecond || steps > 0 {
			t.Errorf("%+v: %v off at worst, %d steps", row, worst, steps)
		}
	}
}

func TestMoreThanHalfASecondIsStepped(t *testing.T) {
	worst, steps := follow(50, 3*time.Hour, time.Millisecond)
	if steps != 1 || worst > 50*time.Millisecond {
		t.Fatalf("%d steps, %v off at worst", steps, worst)
	}
}

func TestAfterARenewalTheClockMayGoForwardAndNeverBack(t *testing.T) {
	for offset, wanted := range map[time.Duration]bool{100 * time.Millisecond: true, 5 * time.Millisecond: false, -100 * time.Millisecond: false} {
		slew := Slew{Fresh: true}
		if step, _ := slew.Measured(offset, time.Second); step != wanted {
			t.Errorf("%v off after a renewal: stepped %v", offset, step)
		}
		if step, _ := slew.Measured(100*time.Millisecond, time.Second); step {
			t.Errorf("a second measurement was stepped")
		}
	}
}

func TestARateIsSplitIntoTickAndFrequency(t *testing.T) {
	for _, row := range []struct {
		ppm             float64
		tick, frequency int64
	}{{0, 10_000, 0}, {99, 10_000, 99 * 65536}, {-250, 9_998, -50 * 65536}, {50_000, 10_500, 0}} {
		if tick, frequency := tickAndFrequency(row.ppm); tick != row.tick || frequency != row.frequency {
			t.Errorf("%v ppm: tick %d, frequency %d", row.ppm, tick, frequency)
		}
	}
}

func TestASlowAnswerIsNotBelievedWhereAnotherOneIsQuick(t *testing.T) {
	type answer struct{ offset, roundTrip time.Duration }
	for _, row := range []struct {
		answers []answer
		wanted  time.Duration
	}{
		{[]answer{{60 * time.Millisecond, 130 * time.Millisecond}, {time.Millisecond, 4 * time.Millisecond}}, time.Millisecond},
		{[]answer{{5, time.Millisecond}}, 5},
		{[]answer{{7, 90 * time.Millisecond}, {8, 50 * time.Millisecond}, {9, 95 * time.Millisecond}, {6, 51 * time.Millisecond}}, 8},
	} {
		asked := 0
		offset, err := bestOf(func() (time.Duration, time.Duration, error) {
			asked++
			return row.answers[asked-1].offset, row.answers[asked-1].roundTrip, nil
		})
		if err != nil || offset != row.wanted || asked != len(row.answers) {
			t.Errorf("%+v: %v after %d (%v)", row.answers, offset, asked, err)
		}
	}
	if _, err := bestOf(func() (time.Duration, time.Duration, error) { return 0, time.Second, nil }); err == nil {
		t.Error("answers of a second each were believed")
	}
}
