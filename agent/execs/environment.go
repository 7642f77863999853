package execs

import (
	"maps"

	"alcove.dev/agent/accounts"
)

const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// environment merges what every user gets and what is given, later ones winning.
func environment(user accounts.User, given []map[string]string) (list []string, searchPath string) {
	merged := make(map[string]string, 32)
	merged["PATH"] = defaultPath
	merged["HOME"] = user.Home
	merged["USER"] = user.Name
	merged["LOGNAME"] = user.Name
	merged["LANG"] = "C.UTF-8"
	if user.Shell != "" {
		merged["SHELL"] = user.Shell
	}
	for _, variables := range given {
		maps.Copy(merged, variables)
	}
	list = make([]string, 0, len(merged))
	for name, value := range merged {
		list = append(list, name+"="+value)
	}
	return list, merged["PATH"]
}
