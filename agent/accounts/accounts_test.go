package accounts

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"alcove.dev/agent/failure"
)

func newTestBook(t *testing.T) (*Book, string) {
	t.Helper()
	directory := t.TempDir()
	passwd, group := filepath.Join(directory, "passwd"), filepath.Join(directory, "group")
	os.WriteFile(passwd, []byte("root:x:0:0:root:/root:/bin/bash\nbroken line\nann:x:1000:100:Ann:/home/ann:/bin/sh\n"), 0o644)
	os.WriteFile(group, []byte("users:x:100:\nsudo:x:27:bob,ann\nkvm:x:107:ann\n"), 0o644)
	return NewBook(passwd, group), passwd
}

func TestUsersAreFoundByNameAndNumber(t *testing.T) {
	book, _ := newTestBook(t)
	for _, row := range []struct {
		spec            string
		userID, groupID uint32
		home            string
		groups          []uint32
	}{
		{"", 0, 0, "/root", []uint32{0}},
		{"ann", 1000, 100, "/home/ann", []uint32{100, 27, 107}},
		{"1000", 1000, 100, "/home/ann", []uint32{100, 27, 107}},
		{"5", 5, 0, "/", []uint32{0}},
		{"1000:7", 1000, 7, "/home/ann", []uint32{7}},
		{"ann:sudo", 1000, 27, "/home/ann", []uint32{27}},
	} {
		user, err := book.Find(row.spec)
		if err != nil || user.UserID != row.userID || user.GroupID != row.groupID || user.Home != row.home || !slices.Equal(user.Groups, row.groups) {
			t.Errorf("%q: %+v, %v", row.spec, user, err)
		}
	}
}

func TestAnUnknownNameIsRefused(t *testing.T) {
	book, _ := newTestBook(t)
	for _, spec := range []string{"eve", "ann:nobody", "-1", "99999999999"} {
		if _, err := book.Find(spec); failure.From(err).Code != failure.UserNotFound {
			t.Errorf("%q answered %v", spec, err)
		}
	}
}

func TestAChangedFileIsReadAgain(t *testing.T) {
	book, passwd := newTestBook(t)
	book.Find("ann")
	os.WriteFile(passwd, []byte("eve:x:1001:1001::/home/eve:/bin/sh\n"), 0o644)
	if user, err := book.Find("eve"); err != nil || user.UserID != 1001 {
		t.Fatalf("%+v %v", user, err)
	}
	if name := book.NameOf(1001); name != "eve" {
		t.Fatalf("1001 is %q", name)
	}
}
