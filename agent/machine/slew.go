package machine

import "time"

// Slew decides how fast the guest's clock shall run, from how far it is off. It learns the rate at which the two clocks
// drift apart, runs at that rate, and adds what takes the remaining offset away over correctionTime.
type Slew struct {
	driftPPM float64
	ratePPM  float64
	last     time.Duration
	measured bool
	// Fresh: the sandbox has just been renewed, so its clock may still be set forward.
	Fresh bool
}

const (
	correctionTime = 20 * time.Second
	stepOffset     = 500 * time.Millisecond
	// freshStepOffset is about how long a renewal may lie on its way to an agent that has just woken.
	freshStepOffset = 10 * time.Millisecond
	// largestRatePPM is well inside what the kernel's tick can do (ten percent).
	largestRatePPM = 50_000
	// driftGain is how much of a newly seen drift is believed.
	driftGain = 0.3
)

// Measured takes in one measurement: offset is host minus guest, elapsed the time since the one before. It answers whether to
// step the clock by the offset, and the rate to run at from now on, in millionths.
func (s *Slew) Measured(offset, elapsed time.Duration) (step bool, ratePPM float64) {
	fresh := s.Fresh
	s.Fresh = false
	if offset > stepOffset || offset < -stepOffset || fresh && offset > freshStepOffset {
		s.measured = false
		s.ratePPM = s.driftPPM
		return true, s.ratePPM
	}
	if s.measured && elapsed > time.Second {
		seen := s.ratePPM + 1e6*float64(offset-s.last)/float64(elapsed)
		s.driftPPM = clamp(s.driftPPM + driftGain*(seen-s.driftPPM))
	}
	s.measured, s.last = true, offset
	s.ratePPM = clamp(s.driftPPM + 1e6*float64(offset)/float64(correctionTime))
	return false, s.ratePPM
}

func clamp(ppm float64) float64 { return max(-largestRatePPM, min(largestRatePPM, ppm)) }

// tickAndFrequency splits a rate into the kernel's coarse tick (microseconds a hundredth of a second) and its fine
// frequency (millionths in 16.16 fixed point, at most 500).
func tickAndFrequency(ratePPM float64) (tick, frequency int64) {
	const ppmPerTick = 100
	ticks := int64(ratePPM / ppmPerTick)
	return 10_000 + ticks, int64((ratePPM - float64(ticks*ppmPerTick)) * 65536)
}
