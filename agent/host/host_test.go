package host

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestTheArchiveHasTheFormLinuxUnpacks(t *testing.T) {
	var out bytes.Buffer
	if err := writeArchive(&out, []byte("program"), []module{{name: "virtio", content: []byte("abc")}}); err != nil {
		t.Fatal(err)
	}
	content := out.String()
	for len(content) > 0 {
		if !strings.HasPrefix(content, "070701") {
			t.Fatalf("no header where one belongs: %.20q", content)
		}
		var size, nameLength int
		parseHex(t, content[54:62], &size)
		parseHex(t, content[94:102], &nameLength)
		name := content[110 : 110+nameLength-1]
		start := (110 + nameLength + 3) &^ 3
		body := content[start : start+size]
		if name == "modules/order" && body != "/modules/virtio.ko\n" || name == "init" && body != "program" {
			t.Fatalf("%s is %q", name, body)
		}
		content = content[(start+size+3)&^3:]
		if name == "TRAILER!!!" {
			return
		}
	}
	t.Fatal("the archive has no end")
}

func parseHex(t *testing.T, text string, value *int) {
	t.Helper()
	for _, digit := range text {
		*value = *value<<4 | strings.IndexRune("0123456789ABCDEF", digit)
	}
}

func TestAModuleThatIsBuiltInIsLeftOut(t *testing.T) {
	directory := t.TempDir()
	os.WriteFile(filepath.Join(directory, "modules.builtin"), []byte("kernel/fs/ext4/ext4.ko\n"), 0o644)
	if modules, err := orderedModules(directory, []string{"ext4"}); err != nil || len(modules) != 0 {
		t.Fatalf("%v %v", modules, err)
	}
	if _, err := orderedModules(directory, []string{"virtio-rng"}); err == nil || !strings.Contains(err.Error(), "virtio_rng") {
		t.Fatalf("a missing module answered %v", err)
	}
}

func TestTheNewestTSCFigureOfTheLogCounts(t *testing.T) {
	log := "[0.0] tsc: Detected 2399.998 MHz processor\n[1.2] tsc: Refined TSC clocksource calibration: 2400.004 MHz\n"
	if kilohertz, found := newestDetected(log); !found || kilohertz != 2_400_004 {
		t.Fatalf("%d %v", kilohertz, found)
	}
	if _, found := newestDetected("nothing of it"); found {
		t.Fatal("a figure was found where there is none")
	}
}

func TestTheTSCRunsAtAPlausibleRate(t *testing.T) {
	if !hasTSC {
		t.Skip("this processor has no time stamp counter")
	}
	first, _ := sampleTSC()
	second, _ := sampleTSC()
	if second <= first {
		t.Fatalf("%d does not come after %d", second, first)
	}
}

func TestContradictoryFlagsAreRefused(t *testing.T) {
	for _, arguments := range [][]string{{}, {"--uid", "1", "--", "true"}, {"--bind", "/usr", "--", "true"}, {"--userns", "--uid", "1", "--gid", "1", "--", "true"}} {
		if _, err := parseSpawn(arguments); err == nil {
			t.Errorf("%q was taken", arguments)
		}
	}
}
