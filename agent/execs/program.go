package execs

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// Exit codes that a shell gives where a program could not run.
const (
	exitNotExecutable = 126
	exitNotFound      = 127
)

// findProgram looks a program up as a shell would: a name with a slash is a path, others are searched in searchPath. The
// error is ENOENT or EACCES.
func findProgram(name, searchPath string) (string, error) {
	if strings.Contains(name, "/") {
		return name, nil
	}
	seen := syscall.ENOENT
	for _, directory := range filepath.SplitList(searchPath) {
		if directory == "" {
			directory = "."
		}
		path := directory + "/" + name
		info, err := os.Stat(path)
		if err != nil || info.IsDir() {
			continue
		}
		if info.Mode()&0o111 != 0 {
			return path, nil
		}
		seen = syscall.EACCES
	}
	return "", seen
}

// startFailure says in a shell's words why a program did not start.
func startFailure(name string, err error) (exitCode int, sentence string) {
	if err == syscall.ENOENT || err == syscall.ENOTDIR {
		return exitNotFound, name + ": not found\n"
	}
	return exitNotExecutable, name + ": cannot be started: " + err.Error() + "\n"
}
