// Package accounts reads /etc/passwd and /etc/group of the root disk.
package accounts

import (
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"alcove.dev/agent/failure"
)

// User is whom a process runs as.
type User struct {
	Name            string
	UserID, GroupID uint32
	Groups          []uint32
	Home, Shell     string
}

// Book looks users up; it reads the files again when they have changed.
type Book struct {
	passwdPath, groupPath string
	mutex                 sync.Mutex
	seen                  [2]stamp
	users                 []User
	groups                []group
}

type group struct {
	name    string
	groupID uint32
	members []string
}

type stamp struct {
	modified time.Time
	size     int64
}

// NewBook makes a book over a passwd and a group file; either may be missing.
func NewBook(passwdPath, groupPath string) *Book {
	return &Book{passwdPath: passwdPath, groupPath: groupPath}
}

// Find takes "name", "uid" or "uid:gid" ("name:group" as well); empty means root. A number needs no entry; its group is then
// root's, as Docker has it. The group is always among the supplementary ones too, so that a file closed to it stays closed
// (CVE-2022-36109 of containers).
func (b *Book) Find(spec string) (User, error) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	b.refresh()
	if spec == "" {
		spec = "root"
	}
	name, groupName, hasGroup := strings.Cut(spec, ":")
	user, err := b.user(name)
	if err != nil {
		return User{}, err
	}
	if !hasGroup {
		user.Groups = b.groupsOf(user)
		return user, nil
	}
	groupID, err := b.groupID(groupName)
	user.GroupID, user.Groups = groupID, []uint32{groupID}
	return user, err
}

// NameOf returns a user's name, or the number where there is no name.
func (b *Book) NameOf(userID uint32) string {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	b.refresh()
	for _, user := range b.users {
		if user.UserID == userID {
			return user.Name
		}
	}
	return strconv.FormatUint(uint64(userID), 10)
}

func (b *Book) user(name string) (User, error) {
	number, numberErr := strconv.ParseUint(name, 10, 32)
	for _, user := range b.users {
		if user.Name == name || numberErr == nil && user.UserID == uint32(number) {
			return user, nil
		}
	}
	switch {
	case numberErr == nil:
		return User{Name: name, UserID: uint32(number), Home: "/"}, nil
	case name == "root":
		return User{Name: "root", Home: "/root"}, nil
	}
	return User{}, failure.New(failure.UserNotFound, "The sandbox has no user %q.", name)
}

func (b *Book) groupID(name string) (uint32, error) {
	for _, entry := range b.groups {
		if entry.name == name {
			return entry.groupID, nil
		}
	}
	if number, err := strconv.ParseUint(name, 10, 32); err == nil {
		return uint32(number), nil
	}
	return 0, failure.New(failure.UserNotFound, "The sandbox has no group %q.", name)
}

func (b *Book) groupsOf(user User) []uint32 {
	ids := []uint32{user.GroupID}
	for _, entry := range b.groups {
		for _, member := range entry.members {
			if member == user.Name && entry.groupID != user.GroupID {
				ids = append(ids, entry.groupID)
			}
		}
	}
	return ids
}

func (b *Book) refresh() {
	now := [2]stamp{stampOf(b.passwdPath), stampOf(b.groupPath)}
	if now == b.seen && b.users != nil {
		return
	}
	b.seen = now
	b.users = parsePasswd(b.passwdPath)
	b.groups = parseGroup(b.groupPath)
}

func stampOf(path string) stamp {
	info, err := os.Stat(path)
	if err != nil {
		return stamp{}
	}
	return stamp{modified: info.ModTime(), size: info.Size()}
}
