package machine

import (
	"bytes"
	"encoding/binary"
	"errors"
	"strings"
	"testing"

	"alcove.dev/agent/api"
)

type randomCall struct {
	request  uintptr
	argument []byte
}

// withRandom has the kernel's generator and the clock played: calls are recorded, and refused with what answers says.
func withRandom(t *testing.T, answers map[uintptr]error) *[]randomCall {
	t.Helper()
	calls := &[]randomCall{}
	realRandom, realClock := controlRandom, setClock
	t.Cleanup(func() { controlRandom, setClock = realRandom, realClock })
	controlRandom = func(_ int, request uintptr, argument []byte) error {
		*calls = append(*calls, randomCall{request, argument})
		return answers[request]
	}
	// What comes next ends the renewal: it would be about this host.
	setClock = func(int64) error { return errors.New("the clock is next") }
	return calls
}

// That the kernel was fed cannot be told from the numbers that it gives: it mixes in much that differs by itself.
func TestARenewalFeedsTheKernelTheDaemonsEntropyFirstAndHasItBeginAnew(t *testing.T) {
	calls := withRandom(t, nil)
	entropy := bytes.Repeat([]byte("daemon's"), 32)
	if err := new(Machine).Renew(api.Renewal{Entropy: entropy}); !strings.Contains(err.Error(), "the clock is next") {
		t.Fatal(err)
	}
	if len(*calls) != 2 || (*calls)[0].request != addEntropyRequest || (*calls)[1].request != reseedRequest {
		t.Fatalf("the kernel was asked %v", *calls)
	}
	fed := (*calls)[0].argument
	bits, count := binary.NativeEndian.Uint32(fed), binary.NativeEndian.Uint32(fed[4:])
	if bits != 2048 || count != 256 || !bytes.Equal(fed[8:], entropy) {
		t.Errorf("the kernel was given %d bits in %d bytes: %q", bits, count, fed[8:])
	}
}

func TestARenewalThatCannotFeedTheKernelChangesNothingElse(t *testing.T) {
	for request, name := range map[uintptr]string{addEntropyRequest: "RNDADDENTROPY", reseedRequest: "RNDRESEEDCRNG"} {
		withRandom(t, map[uintptr]error{request: errors.New("no")})
		err := new(Machine).Renew(api.Renewal{Entropy: make([]byte, 64)})
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("where %s fails the renewal says %v", name, err)
		}
	}
}
