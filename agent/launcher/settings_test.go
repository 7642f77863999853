package launcher

import (
	"os"
	"path/filepath"
	"testing"
)

func TestTheLauncherGoesByTheSocketAndTheGroup(t *testing.T) {
	for _, c := range []struct {
		name, file, flag string
		environment      map[string]string
		want             string
		isOurs           bool
	}{
		{name: "nothing", want: "default", isOurs: true},
		{name: "a group of the file", file: `{"contexts":{"default":{"group":"f"}}}`, want: "f", isOurs: true},
		{name: "a group of the current context", file: `{"currentContext":"a","contexts":{"a":{"group":"f"}}}`, want: "f", isOurs: true},
		{name: "a variable over the file", file: `{"contexts":{"default":{"group":"f"}}}`, environment: map[string]string{"ALCOVE_GROUP": "v"}, want: "v", isOurs: true},
		{name: "a flag over both", flag: "g", environment: map[string]string{"ALCOVE_GROUP": "v"}, want: "g", isOurs: true},
		{name: "a group that is none", flag: "../x"},
		{name: "a server elsewhere", environment: map[string]string{"ALCOVE_URL": "https://sandboxes.example.com"}},
		{name: "a key", environment: map[string]string{"ALCOVE_API_KEY": "k"}},
		{name: "errors as JSON", environment: map[string]string{"ALCOVE_OUTPUT": "json"}},
		{name: "a context with a server", file: `{"currentContext":"a","contexts":{"a":{"url":"https://sandboxes.example.com"}}}`},
		{name: "a context with a server by variable", file: `{"contexts":{"a":{"url":"https://sandboxes.example.com"}}}`, environment: map[string]string{"ALCOVE_CONTEXT": "a"}},
		{name: "a context that is not there", file: `{"currentContext":"a"}`},
		{name: "a context by variable without a file", environment: map[string]string{"ALCOVE_CONTEXT": "a"}},
		{name: "a file that is damaged", file: `{`},
	} {
		t.Run(c.name, func(t *testing.T) {
			home := t.TempDir()
			t.Setenv("XDG_CONFIG_HOME", home)
			for _, name := range []string{"URL", "API_KEY", "CA", "FINGERPRINT", "OUTPUT", "GROUP", "CONTEXT", "SOCKET"} {
				t.Setenv("ALCOVE_"+name, c.environment["ALCOVE_"+name])
			}
			if c.file != "" {
				if err := os.Mkdir(filepath.Join(home, "alcove"), 0o700); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(filepath.Join(home, "alcove/config.json"), []byte(c.file), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			s, ok := readSettings(c.flag)
			if ok != c.isOurs || (ok && s.group != c.want) {
				t.Errorf("%+v, %v; want %q, %v", s, ok, c.want, c.isOurs)
			}
		})
	}
}
