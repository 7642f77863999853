package machine

import (
	"testing"
	"time"
)

func TestAProcessNameMayHoldAnything(t *testing.T) {
	content := "42 (a ) R (b) S 7 42 42 0 -1 4194560 100 0 0 0 12 30 0 0 20 0 1 0 5000 1000 250 18446744073709551615"
	stat, err := parseStat(content)
	if err != nil {
		t.Fatal(err)
	}
	wanted := processStat{name: "a ) R (b", state: "S", parentPID: 7, cpuTicks: 42, startedAfterBoot: 50 * time.Second, residentPages: 250}
	if stat != wanted {
		t.Fatalf("%+v", stat)
	}
}

func TestABrokenStatIsAnError(t *testing.T) {
	for _, content := range []string{"", "12", "12 (x", "12 (x) S 1"} {
		if _, err := parseStat(content); err == nil {
			t.Errorf("%q was taken", content)
		}
	}
}

func TestACommandIsCutAndNeverEmpty(t *testing.T) {
	if command := commandOf([]byte("sh\x00-c\x00true\x00"), "sh"); command != "sh -c true" {
		t.Errorf("%q", command)
	}
	if command := commandOf(nil, "kworker"); command != "[kworker]" {
		t.Errorf("%q", command)
	}
	if command := commandOf(make([]byte, 5000), "x"); command != "[x]" {
		t.Errorf("%q", command)
	}
}
