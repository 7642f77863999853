// Command launcher is the way into the CLI. Starting Node takes longer than an exec takes to work, so the launcher does
// `exec` and `run` itself, as long as nothing is out of the ordinary, and hands everything else to the CLI in Node:
// other commands, options it does not know, a daemon that is not up, an image that is not built, every refusal.
// So sentences, help and progress are written once, there.
//
// Usage: launcher CLI.js ARGUMENT...
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
)

func main() {
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "error: the launcher was started without the path of the CLI\nhint: start bin/alcove")
		os.Exit(exitError)
	}
	code, err := launch(os.Args[2:])
	if errors.Is(err, errHandOver) {
		handOver(os.Args[1], os.Args[2:])
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "error: "+err.Error())
	}
	os.Exit(code)
}

// Exit codes that are ours, not the program's; docs/cli.md lists them.
const (
	exitError    = 1
	exitTimedOut = 124
	exitFailed   = 125
	exitCtrlC    = 130
)

// errHandOver: nothing has happened yet, and the CLI in Node is to do it.
var errHandOver = errors.New("not for the launcher")

func launch(arguments []string) (int, error) {
	command, ok := parse(arguments)
	if !ok || os.Getenv("ALCOVE_URL") != "" {
		return 0, errHandOver
	}
	daemon, err := findDaemon()
	if err != nil {
		return 0, errHandOver
	}
	ctx := context.Background()
	if command.verb == "run" {
		return runInNew(ctx, daemon, command)
	}
	id, err := daemon.resolve(ctx, command.target)
	if err != nil {
		return 0, errHandOver
	}
	return follow(ctx, daemon, id, command)
}

func handOver(cli string, arguments []string) {
	node, err := exec.LookPath("node")
	if err == nil {
		err = syscall.Exec(node, append([]string{"node", cli}, arguments...), os.Environ())
	}
	fmt.Fprintf(os.Stderr, "error: Node could not be started: %v\nhint: install Node 20.19 or newer, and put it in PATH\n", err)
	os.Exit(exitError)
}
