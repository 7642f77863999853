package machine

import (
	"os"
	"path/filepath"
	"testing"
)

func TestIdentityFilesKeepTheImagesHostsAndWhatUsersAdd(t *testing.T) {
	etc, run := t.TempDir(), filepath.Join(t.TempDir(), "alcove")
	hosts := filepath.Join(etc, "hosts")
	os.WriteFile(hosts, []byte("127.0.0.1 localhost\n10.0.0.1 of-the-image"), 0o644)
	os.WriteFile(filepath.Join(etc, "machine-id"), nil, 0o644)
	files := openIdentityFiles(etc, run)
	files.write(identity{hostname: "a-long-first-name", machineID: "11111111111111111111111111111111", generation: 12})
	expectContent(t, hosts, "127.0.0.1 localhost\n10.0.0.1 of-the-image\n127.0.1.1\ta-long-first-name # this sandbox\n")

	file, _ := os.OpenFile(hosts, os.O_APPEND|os.O_WRONLY, 0)
	file.WriteString("10.0.0.2 added\n")
	file.Close()
	files.write(identity{hostname: "second", machineID: "22222222222222222222222222222222", generation: 12})
	expectContent(t, hosts, "127.0.0.1 localhost\n10.0.0.1 of-the-image\n10.0.0.2 added\n127.0.1.1\tsecond # this sandbox\n")
	expectContent(t, filepath.Join(etc, "hostname"), "second\n")
	expectContent(t, filepath.Join(etc, "machine-id"), "22222222222222222222222222222222\n")
}

func TestTheGenerationIsANumberThatEverybodyMayReadAndStaysTheSameFile(t *testing.T) {
	etc, run := t.TempDir(), filepath.Join(t.TempDir(), "alcove")
	files := openIdentityFiles(etc, run)
	path := filepath.Join(run, "generation")
	expectContent(t, path, "0\n")
	before, _ := os.Stat(path)
	files.write(identity{generation: 100, seed: "5eed"})
	files.write(identity{generation: 7})
	expectContent(t, path, "7\n")
	expectContent(t, filepath.Join(run, "seed"), "")
	after, _ := os.Stat(path)
	if !os.SameFile(before, after) || after.Mode().Perm() != 0o644 {
		t.Fatalf("another file, or of mode %v", after.Mode())
	}
}

func TestAFileThatAUserPutInTheWayStays(t *testing.T) {
	etc, run := t.TempDir(), filepath.Join(t.TempDir(), "alcove")
	files := openIdentityFiles(etc, run)
	hosts := filepath.Join(etc, "hosts")
	os.Remove(hosts)
	os.WriteFile(hosts, []byte("mine\n"), 0o644)
	files.write(identity{hostname: "second", machineID: "22222222222222222222222222222222", generation: 12})
	expectContent(t, hosts, "mine\n")
}

func TestEmptyHostsGetTheUsualOnes(t *testing.T) {
	if seen := hostsFor("x", " \n"); seen != defaultHosts+"127.0.1.1\tx # this sandbox\n" {
		t.Fatalf("hosts are %q", seen)
	}
}

func expectContent(t *testing.T, path, expected string) {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil || string(content) != expected {
		t.Fatalf("%s holds %q (%v), not %q", path, content, err, expected)
	}
}
