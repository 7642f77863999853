package launcher

import (
	"reflect"
	"testing"
)

func TestAnExecOrRunWithKnownOptionsIsTheLaunchers(t *testing.T) {
	c, ok := parse([]string{"run", "-e", "A=1", "--env=B=x=y", "-w", "/srv", "-t", "90s", "--keep", "--memory", "4Gi", "debian", "--", "ls", "-l", "--", "x"})
	if !ok {
		t.Fatal("not understood")
	}
	if want := []string{"ls", "-l", "--", "x"}; !reflect.DeepEqual(c.exec.Args, want) {
		t.Errorf("program: %q, want %q", c.exec.Args, want)
	}
	if want := map[string]string{"A": "1", "B": "x=y"}; !reflect.DeepEqual(c.exec.Environment, want) {
		t.Errorf("environment: %q, want %q", c.exec.Environment, want)
	}
	if c.exec.TimeoutMs != 90_000 || c.exec.WorkingDirectory != "/srv" || !c.keep || c.create.Resources["memory"] != "4Gi" {
		t.Errorf("options: %+v", c)
	}
	if c.target != "debian" || c.create.SourcesRef.DiskImage.Name != "debian" {
		t.Errorf("image: %q", c.target)
	}
}

func TestWhateverIsNotUnderstoodIsForTheCLIInNode(t *testing.T) {
	for _, words := range [][]string{
		{},
		{"list"},
		{"exec", "--help"},
		{"exec", "3f2a"},
		{"exec", "3f2a", "--"},
		{"exec", "--detach", "3f2a", "ls"},
		{"exec", "--keep", "3f2a", "ls"},
		{"exec", "--memory", "4Gi", "3f2a", "ls"},
		{"exec", "-e", "novalue", "3f2a", "ls"},
		{"exec", "-t", "5x", "3f2a", "ls"},
		{"exec", "-t", "0s", "3f2a", "ls"},
		{"exec", "-eA=1", "3f2a", "ls"},
		{"exec", "-i=1", "3f2a", "ls"},
		{"run", "debian", "--keep", "ls"},
	} {
		if c, ok := parse(words); ok {
			t.Errorf("%q was taken as %+v", words, c)
		}
	}
}

func TestIdsAreUUIDsOfVersion4(t *testing.T) {
	id := newID()
	if len(id) != idLength || id[14] != '4' || id == newID() {
		t.Errorf("%q is no fresh UUID", id)
	}
}
