package layers

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"alcove.dev/agent/failure"
)

// What escaped would touch the secret, or nothing: a fault here must not cost whoever runs the tests.

func TestNoNameLeadsOutOfTheImage(t *testing.T) {
	for _, name := range []string{"../secret", "a/../../secret", "/../secret", "./../secret", "../../../../../../layers-test/x"} {
		root, secret := place(t)
		refusedHere := refused(t, root, failure.InvalidRequest, file(name, "x"))
		if !strings.Contains(refusedHere.Message, name) {
			t.Errorf("%s is not named: %s", name, refusedHere.Message)
		}
		untouched(t, secret)
	}
}

func untouched(t *testing.T, secret string) {
	t.Helper()
	if found := status(t, secret); read(t, secret) != "secret" || found.Nlink != 1 || found.Mode&0o7777 != 0o600 {
		t.Errorf("the secret was touched: %q, %+v", read(t, secret), found)
	}
	if names := listing(t, filepath.Dir(secret)); names[len(names)-1] != "secret" {
		t.Errorf("beside the image there is now %v", names)
	}
}

func TestAnAbsoluteNameBeginsAtTheImage(t *testing.T) {
	root, _ := place(t)
	apply(t, root, file("/layers-test/x", "x"), file("//srv//y", "y"), file("a/../z", "z"))
	if read(t, root, "layers-test/x") != "x" || read(t, root, "srv/y") != "y" || read(t, root, "z") != "z" {
		t.Error("they are not in the image")
	}
}

// What a link leads to is looked for inside the image, as by a process that has it as its root.
func TestALinkOnTheWayStaysInside(t *testing.T) {
	outside := func(root string) string { return filepath.Dir(root) }
	for name, target := range map[string]func(root string) string{
		"absolute":       outside,
		"up":             func(root string) string { return "../../../../../../../.." + outside(root) },
		"up and down":    func(root string) string { return "../" + filepath.Base(root) + "/../new.d" },
		"through itself": func(root string) string { return root },
	} {
		t.Run(name, func(t *testing.T) {
			root, secret := place(t)
			apply(t, root, symlink("way", target(root)))
			_, err := Apply(root, bytes.NewReader(layerOf(t, file("way/secret", "x"), dir("way/made"))))
			must(t, err)
			untouched(t, secret)
		})
	}
}

func TestALinkThatLeadsInACircleIsRefused(t *testing.T) {
	root, _ := place(t)
	refused(t, root, failure.InvalidRequest, symlink("a", "b"), symlink("b", "a"), file("a/x", "x"))
	refused(t, root, failure.InvalidRequest, symlink("c", "c/d"), file("c/x", "x"))
}

func TestALinkIsNeverWrittenThrough(t *testing.T) {
	root, secret := place(t)
	must(t, os.Symlink(secret, filepath.Join(root, "absolute")))
	must(t, os.Symlink("../secret", filepath.Join(root, "relative")))
	apply(t, root, file("absolute", "x"), entry{Header: dir("relative").Header})
	untouched(t, secret)
	if read(t, root, "absolute") != "x" || status(t, root, "relative").Mode&unix.S_IFMT != unix.S_IFDIR {
		t.Error("the links are not replaced")
	}
}

func TestAHardLinkReachesNothingOutside(t *testing.T) {
	for name, entries := range map[string][]entry{
		"up":                 {hardlink("x", "../secret")},
		"up from within":     {hardlink("x", "a/../../secret")},
		"through a link":     {symlink("way", ".."), hardlink("x", "way/secret")},
		"to what is missing": {hardlink("x", "missing")},
		"to a directory":     {dir("d"), hardlink("x", "d")},
		"to the root":        {hardlink("x", "/")},
	} {
		t.Run(name, func(t *testing.T) {
			root, secret := place(t)
			failed := refused(t, root, failure.InvalidRequest, entries...)
			if name == "to a directory" && !strings.Contains(failed.Message, "which is a directory") {
				t.Error(failed)
			}
			untouched(t, secret)
		})
	}
	root, secret := place(t)
	refused(t, root, failure.InvalidRequest, symlink("way", "/"), hardlink("x", "way"+secret))
	untouched(t, secret)
	apply(t, root, symlink("link", secret), hardlink("x", "link"))
	untouched(t, secret)
	if target, err := os.Readlink(filepath.Join(root, "x")); err != nil || target != secret {
		t.Errorf("a hard link to a link is %q, %v", target, err)
	}
	apply(t, root, file("x", "mine"))
	untouched(t, secret)
}

func TestAWhiteoutReachesNothingOutside(t *testing.T) {
	for name, entries := range map[string][]entry{
		"of ..":           {file(".wh...", "")},
		"of .":            {file(".wh..", "")},
		"of nothing":      {file(".wh.", "")},
		"with a name up":  {file("../.wh.secret", "")},
		"of .. in a part": {file("a/../../.wh.secret", "")},
	} {
		t.Run(name, func(t *testing.T) {
			root, secret := place(t)
			refused(t, root, failure.InvalidRequest, entries...)
			untouched(t, secret)
		})
	}
	root, secret := place(t)
	apply(t, root, symlink("up", ".."), symlink("away", filepath.Dir(secret)))
	apply(t, root, file("up/.wh.secret", ""), file("away/.wh.secret", ""), file("away/.wh..wh..opq", ""))
	untouched(t, secret)
}

// What is taken away may be a link to a directory: the link goes, and nothing behind it.
func TestTakingAwayFollowsNoLink(t *testing.T) {
	root, secret := place(t)
	outside := filepath.Dir(secret)
	apply(t, root, dir("d"), symlink("d/out", outside), symlink("out", outside))
	apply(t, root, file(".wh.out", ""), file("d", "now a file"))
	untouched(t, secret)
	if names := listing(t, root); len(names) != 1 || read(t, root, "d") != "now a file" {
		t.Errorf("left: %v", names)
	}
}

// A directory that names were resolved through may be replaced by a link, and the other way round.
func TestWhatWasResolvedIsResolvedAnewWhenItChanged(t *testing.T) {
	root, secret := place(t)
	apply(t, root,
		dir("a"), file("a/one", "1"),
		symlink("a", "b"), dir("b"), file("a/two", "2"),
		dir("a"), file("a/three", "3"),
		file("c/x", "x"))
	untouched(t, secret)
	if isThere(root, "a/one") || read(t, root, "b/two") != "2" || read(t, root, "a/three") != "3" || isThere(root, "b/three") {
		t.Errorf("found %v", listing(t, root))
	}
	apply(t, root, file("c/.wh.x", ""), file(".wh.c", ""), symlink("c", filepath.Dir(root)), file("c/secret", "x"))
	untouched(t, secret)
	if read(t, root, secret) != "x" {
		t.Errorf("found %v", listing(t, root))
	}
}

func TestADeviceIsMadeAndNeverOpened(t *testing.T) {
	root, _ := place(t)
	before, err := os.Open("/dev/null")
	must(t, err)
	before.Close()
	apply(t, root, device("null", unix.S_IFCHR, 1, 3))
	apply(t, root, file("null", "not for the device"))
	if read(t, root, "null") != "not for the device" || status(t, root, "null").Mode&unix.S_IFMT != unix.S_IFREG {
		t.Error("the device was written to")
	}
}
