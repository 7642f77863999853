package layers

import (
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"
)

func lower(t *testing.T, root string) {
	t.Helper()
	apply(t, root, file("keep", ""), file("gone", ""), dir("d"), file("d/a", ""), dir("d/e"), file("d/e/b", ""), symlink("l", "d"))
}

func TestWhiteoutsHideWhatIsBelow(t *testing.T) {
	for name, test := range map[string]struct {
		upper []entry
		left  []string
	}{
		"a file":                       {[]entry{file(".wh.gone", "")}, []string{"d", "d/a", "d/e", "d/e/b", "keep", "l"}},
		"a directory":                  {[]entry{file(".wh.d", "")}, []string{"gone", "keep", "l"}},
		"a link, not what it leads to": {[]entry{file(".wh.l", "")}, []string{"d", "d/a", "d/e", "d/e/b", "gone", "keep"}},
		"what is not there":            {[]entry{file(".wh.x", ""), file("x/y/.wh.z", ""), file("keep/.wh.z", "")}, []string{"d", "d/a", "d/e", "d/e/b", "gone", "keep", "l"}},
		"all of a directory":           {[]entry{dir("d"), file("d/.wh..wh..opq", "")}, []string{"d", "gone", "keep", "l"}},
		"all behind a link":            {[]entry{file("l/.wh..wh..opq", "")}, []string{"d", "gone", "keep", "l"}},
		"everything":                   {[]entry{file(".wh..wh..opq", ""), file("new", "")}, []string{"new"}},
		"a driver's own are left out":  {[]entry{file(".wh..wh.aufs", ""), dir(".wh..wh.plnk"), file(".wh.gone", "")}, []string{"d", "d/a", "d/e", "d/e/b", "keep", "l"}},
	} {
		t.Run(name, func(t *testing.T) {
			root, _ := place(t)
			lower(t, root)
			apply(t, root, test.upper...)
			if got := listing(t, root); !reflect.DeepEqual(got, test.left) {
				t.Errorf("left: %v", got)
			}
		})
	}
}

// The order of a layer's entries means nothing: its whiteouts are about layers below.
func TestAWhiteoutSparesItsOwnLayer(t *testing.T) {
	for name, test := range map[string]struct {
		upper []entry
		left  []string
	}{
		"a file":                     {[]entry{file("gone", "new"), file(".wh.gone", "")}, []string{"d", "d/a", "d/e", "d/e/b", "gone", "keep", "l"}},
		"a file in a directory":      {[]entry{file("d/e/new", ""), file(".wh.d", "")}, []string{"d", "d/e", "d/e/new", "gone", "keep", "l"}},
		"an empty directory":         {[]entry{dir("d"), file(".wh.d", "")}, []string{"d", "gone", "keep", "l"}},
		"what came through a link":   {[]entry{file("l/new", ""), file("d/.wh..wh..opq", "")}, []string{"d", "d/new", "gone", "keep", "l"}},
		"before and after an opaque": {[]entry{file("d/new", ""), file("d/.wh..wh..opq", ""), file("d/newer", "")}, []string{"d", "d/new", "d/newer", "gone", "keep", "l"}},
		"a hard link to what is below": {[]entry{hardlink("mine", "gone"), file(".wh.gone", "")},
			[]string{"d", "d/a", "d/e", "d/e/b", "keep", "l", "mine"}},
	} {
		t.Run(name, func(t *testing.T) {
			root, _ := place(t)
			lower(t, root)
			apply(t, root, test.upper...)
			if got := listing(t, root); !reflect.DeepEqual(got, test.left) {
				t.Errorf("left: %v", got)
			}
		})
	}
}

func TestAWhiteoutLeavesTheTimeOfADirectoryThatItsLayerNames(t *testing.T) {
	root, _ := place(t)
	lower(t, root)
	apply(t, root, dir("d"), file("d/.wh.a", ""))
	info, err := os.Stat(filepath.Join(root, "d"))
	must(t, err)
	if !info.ModTime().Equal(longAgo.Truncate(time.Nanosecond)) {
		t.Errorf("it is of %v", info.ModTime())
	}
}
