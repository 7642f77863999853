package launcher

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
)

// settings are those of the CLI's that the launcher goes by: the socket and the group. Where a server elsewhere is
// meant, or a key, or anything is not as the CLI writes it, the CLI in Node does the command, and says what is wrong.
type settings struct {
	socket string
	group  string
}

type contextFile struct {
	CurrentContext string                       `json:"currentContext"`
	Contexts       map[string]map[string]string `json:"contexts"`
}

const (
	defaultContext     = "default"
	maxConfigFileBytes = 1 << 20
)

var groupName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9-]{0,31}$`)

// readSettings answers false where the command is not for the launcher: packages/cli/src/config/settings.ts has the
// whole order.
func readSettings(groupFlag string) (settings, bool) {
	for _, variable := range []string{"ALCOVE_URL", "ALCOVE_API_KEY", "ALCOVE_CA", "ALCOVE_FINGERPRINT", "ALCOVE_OUTPUT"} {
		if os.Getenv(variable) != "" {
			return settings{}, false
		}
	}
	context, ok := readContext()
	if !ok {
		return settings{}, false
	}
	s := settings{socket: os.Getenv("ALCOVE_SOCKET"), group: "default"}
	if s.socket == "" {
		s.socket = filepath.Join(runtimeDirectory(), "alcoved.sock")
	}
	for _, group := range []string{context["group"], os.Getenv("ALCOVE_GROUP"), groupFlag} {
		if group != "" {
			s.group = group
		}
	}
	return s, groupName.MatchString(s.group)
}

// readContext is the current context, if it holds nothing but a group; no file is an empty one.
func readContext() (map[string]string, bool) {
	name := os.Getenv("ALCOVE_CONTEXT")
	content, err := readConfigFile()
	if errors.Is(err, fs.ErrNotExist) {
		return nil, name == "" || name == defaultContext
	}
	var file contextFile
	if err != nil || json.Unmarshal(content, &file) != nil {
		return nil, false
	}
	isNamed := name != ""
	if !isNamed {
		name, isNamed = file.CurrentContext, file.CurrentContext != ""
	}
	if name == "" {
		name = defaultContext
	}
	context, found := file.Contexts[name]
	for key := range context {
		if key != "group" {
			return nil, false
		}
	}
	return context, found || !isNamed
}

func readConfigFile() ([]byte, error) {
	home := os.Getenv("XDG_CONFIG_HOME")
	if home == "" {
		if os.Getenv("HOME") == "" {
			return nil, errors.New("no home directory in the environment")
		}
		home = filepath.Join(os.Getenv("HOME"), ".config")
	}
	path := filepath.Join(home, "alcove/config.json")
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxConfigFileBytes {
		return nil, errors.New("no file of the CLI's")
	}
	return os.ReadFile(path)
}
