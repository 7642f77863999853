// Package launcher is the way into the CLI. Starting Node takes longer than an exec takes to work, so the launcher does
// `exec` and `run` itself, as long as nothing is out of the ordinary, and hands everything else to the CLI in Node:
// other commands, options it does not know, a daemon that is not up, an image that is not built, every refusal, a
// stream that broke. So sentences, help and progress are written once, there.
package launcher

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
)

// Launch runs "host launch CLI.js ARGUMENT…" and answers the exit code.
func Launch(arguments []string) int {
	if len(arguments) == 0 {
		fmt.Fprintln(os.Stderr, "error: the launcher was started without the path of the CLI\nhint: start bin/alcove")
		return exitError
	}
	cli, arguments := nodeCLI(arguments[0]), arguments[1:]
	code, err := launch(cli, arguments)
	if errors.Is(err, errHandOver) {
		code, err = cli.become(arguments)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "error: "+err.Error())
	}
	return code
}

// Exit codes that are ours, not the program's; docs/cli.md lists them.
const (
	exitError      = 1
	exitTimedOut   = 124
	exitFailed     = 125
	exitCtrlC      = 130
	exitBrokenPipe = 141
)

// errHandOver: nothing has happened yet, and the CLI in Node is to do it.
var errHandOver = errors.New("not for the launcher")

func launch(cli nodeCLI, arguments []string) (int, error) {
	command, ok := parse(arguments)
	if !ok {
		return 0, errHandOver
	}
	settings, ok := readSettings(command.group)
	if !ok {
		return 0, errHandOver
	}
	daemon, err := findDaemon(settings)
	if err != nil {
		return 0, errHandOver
	}
	ctx := context.Background()
	if command.verb == "run" {
		return runInNew(ctx, cli, daemon, command)
	}
	id, err := daemon.resolve(ctx, command.target)
	if err != nil {
		return 0, errHandOver
	}
	return follow(ctx, cli, daemon, id, command)
}

// nodeCLI is the path of the CLI in Node.
type nodeCLI string

// become replaces this process by the CLI in Node; it answers only when that fails.
func (cli nodeCLI) become(arguments []string) (int, error) {
	node, err := exec.LookPath("node")
	if err == nil {
		err = syscall.Exec(node, append([]string{"node", string(cli)}, arguments...), os.Environ())
	}
	return exitError, fmt.Errorf("Node could not be started: %w\nhint: install Node 20.19 or newer, and put it in PATH", err)
}

// attach follows an exec whose stream broke, from what has come of its output: the CLI in Node waits for a daemon that
// starts anew. Its exit code is the program's.
func (cli nodeCLI) attach(c command, sandbox, execID string, offset uint64) (int, error) {
	words := []string{string(cli), "attach", "--offset", fmt.Sprint(offset)}
	if c.group != "" {
		words = append(words, "--group", c.group)
	}
	attach := exec.Command("node", append(words, sandbox, execID)...)
	attach.Stdout, attach.Stderr = os.Stdout, os.Stderr
	err := attach.Run()
	if attach.ProcessState == nil {
		return exitFailed, err
	}
	return attach.ProcessState.ExitCode(), nil
}
