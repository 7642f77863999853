package execs

import (
	"slices"
	"testing"

	"alcove.dev/agent/accounts"
)

func TestOfVariablesTheLaterOnesWin(t *testing.T) {
	given := []map[string]string{{"A": "trust", "B": "trust", "C": "trust"}, {"B": "renewed", "C": "renewed", "HOME": "/h"}, {"C": "asked", "PATH": "/p"}}
	list, searchPath := environment(accounts.User{Name: "u", Home: "/home/u"}, given)
	slices.Sort(list)
	wanted := []string{"A=trust", "B=renewed", "C=asked", "HOME=/h", "LANG=C.UTF-8", "LOGNAME=u", "PATH=/p", "USER=u"}
	if !slices.Equal(list, wanted) || searchPath != "/p" {
		t.Fatal(list, searchPath)
	}
}
