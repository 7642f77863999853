package accounts

import (
	"io"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// fileBytes bounds what a user can make the agent read.
const fileBytes = 1 << 20

func parsePasswd(path string) []User {
	users := []User{}
	for _, fields := range records(path, 7) {
		userID, err := strconv.ParseUint(fields[2], 10, 32)
		groupID, groupErr := strconv.ParseUint(fields[3], 10, 32)
		if err != nil || groupErr != nil {
			continue
		}
		users = append(users, User{Name: fields[0], UserID: uint32(userID), GroupID: uint32(groupID), Home: fields[5], Shell: fields[6]})
	}
	return users
}

func parseGroup(path string) []group {
	var groups []group
	for _, fields := range records(path, 4) {
		groupID, err := strconv.ParseUint(fields[2], 10, 32)
		if err != nil {
			continue
		}
		groups = append(groups, group{name: fields[0], groupID: uint32(groupID), members: strings.Split(fields[3], ",")})
	}
	return groups
}

func records(path string, fieldCount int) [][]string {
	file, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil
	}
	defer file.Close()
	if info, err := file.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil
	}
	content, err := io.ReadAll(io.LimitReader(file, fileBytes))
	if err != nil {
		return nil
	}
	var found [][]string
	for _, line := range strings.Split(string(content), "\n") {
		fields := strings.Split(line, ":")
		if len(fields) == fieldCount {
			found = append(found, fields)
		}
	}
	return found
}
