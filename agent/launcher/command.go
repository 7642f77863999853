package launcher

import (
	"os"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// command is an `exec` or `run` whose every word was understood.
type command struct {
	verb      string // exec or run
	target    string // the sandbox's id or a prefix of it; for run, the image
	group     string
	keep      bool
	create    createBody
	exec      startBody
	wantStdin bool
}

// What the API takes: the contract's CreateSandbox and StartExec, as far as the launcher fills them.
type createBody struct {
	SourcesRef struct {
		DiskImage struct {
			Name string `json:"name"`
		} `json:"diskImage"`
	} `json:"sourcesRef"`
	Resources map[string]string `json:"resources,omitempty"`
	Labels    map[string]string `json:"labels,omitempty"`
}

type startBody struct {
	ID               string            `json:"id"`
	Args             []string          `json:"args"`
	Environment      map[string]string `json:"environment,omitempty"`
	WorkingDirectory string            `json:"workingDirectory,omitempty"`
	User             string            `json:"user,omitempty"`
	TimeoutMs        int64             `json:"timeoutMs,omitempty"`
	Stdin            bool              `json:"stdin"`
}

// parse understands `exec [options] ID [--] PROGRAM [ARGUMENT...]`, and `run` likewise; what it does not understand is
// not an error here but the CLI's to judge.
func parse(arguments []string) (command, bool) {
	if len(arguments) < 3 || (arguments[0] != "exec" && arguments[0] != "run") {
		return command{}, false
	}
	c := command{verb: arguments[0]}
	rest, ok := c.takeOptions(arguments[1:])
	if !ok || len(rest) < 2 || rest[0] == "" {
		return command{}, false
	}
	c.target, rest = rest[0], rest[1:]
	if rest[0] == "--" {
		rest = rest[1:]
	} else if strings.HasPrefix(rest[0], "-") {
		return command{}, false
	}
	c.exec.Args = rest
	c.exec.Stdin = c.wantStdin || stdinIsPiped()
	c.create.SourcesRef.DiskImage.Name = c.target
	return c, len(rest) > 0
}

func (c *command) takeOptions(words []string) ([]string, bool) {
	for len(words) > 0 && strings.HasPrefix(words[0], "-") {
		name, value, joined := strings.Cut(words[0], "=")
		words = words[1:]
		if c.takeFlag(name) && !joined {
			continue
		}
		if !joined {
			if len(words) == 0 {
				return nil, false
			}
			value, words = words[0], words[1:]
		} else if !strings.HasPrefix(name, "--") {
			return nil, false
		}
		if !c.takeValue(name, value) {
			return nil, false
		}
	}
	return words, true
}

func (c *command) takeFlag(name string) bool {
	switch {
	case name == "-i" || name == "--interactive":
		c.wantStdin = true
	case name == "--keep" && c.verb == "run":
		c.keep = true
	default:
		return false
	}
	return true
}

func (c *command) takeValue(name, value string) bool {
	switch name {
	case "-e", "--env":
		return takePair(&c.exec.Environment, value)
	case "-w", "--cwd":
		c.exec.WorkingDirectory = value
	case "-g", "--group":
		c.group = value
	case "-u", "--user":
		c.exec.User = value
	case "-t", "--timeout":
		return c.takeTimeout(value)
	case "--cpu", "--memory", "--disk":
		if c.verb != "run" {
			return false
		}
		if c.create.Resources == nil {
			c.create.Resources = map[string]string{}
		}
		c.create.Resources[name[2:]] = value
	case "-l", "--label":
		return c.verb == "run" && takePair(&c.create.Labels, value)
	default:
		return false
	}
	return value != ""
}

var duration = regexp.MustCompile(`^(\d{1,9})(ms|s|m|h)$`)

func (c *command) takeTimeout(text string) bool {
	parts := duration.FindStringSubmatch(text)
	if parts == nil {
		return false
	}
	count, _ := strconv.ParseInt(parts[1], 10, 64)
	unit := map[string]time.Duration{"ms": time.Millisecond, "s": time.Second, "m": time.Minute, "h": time.Hour}[parts[2]]
	c.exec.TimeoutMs = count * unit.Milliseconds()
	return c.exec.TimeoutMs > 0
}

func takePair(pairs *map[string]string, text string) bool {
	key, value, found := strings.Cut(text, "=")
	if !found || key == "" {
		return false
	}
	if *pairs == nil {
		*pairs = map[string]string{}
	}
	(*pairs)[key] = value
	return true
}

// stdinIsPiped: a pipe, a socket or a file is there to be read; a terminal or /dev/null is not.
func stdinIsPiped() bool {
	info, err := os.Stdin.Stat()
	return err == nil && (info.Mode()&(os.ModeNamedPipe|os.ModeSocket) != 0 || info.Mode().IsRegular())
}
