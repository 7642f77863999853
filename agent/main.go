// The agent: what runs inside a sandbox, and the few things on a host that its daemon cannot do. PROTOCOL.md is what it speaks.
package main

import (
	"fmt"
	"os"

	"alcove.dev/agent/machine"
)

const usage = `Usage:
  init                                                as PID 1 of a sandbox: the agent
  init serve --agent-socket PATH --host-socket PATH   the agent over UNIX sockets, for development: no mounts, no namespaces
  init host tsc-khz                                   this machine's TSC frequency in kHz
  init host spawn [flags] -- PROGRAM [ARGUMENT…]      become a program that is fenced in
  init host initramfs --out FILE [flags]              write the initramfs that boots the agent
  init host launch CLI.js ARGUMENT…                   the command alcove: exec and run here, the rest in Node
`

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "alcove-agent:", err)
		os.Exit(1)
	}
}

func run(arguments []string) error {
	switch {
	case len(arguments) > 1 && arguments[0] == "host": // the command alcove may be PID 1 of a container
		return runOnHost(arguments[1], arguments[2:])
	case os.Getpid() == 1 && (len(arguments) == 0 || arguments[0] != machine.UserInitArgument):
		return runAsInit()
	case len(arguments) == 2 && arguments[0] == machine.UserInitArgument:
		return machine.RunUserInit(arguments[1])
	case len(arguments) > 0 && arguments[0] == "serve":
		return runForDevelopment(arguments[1:])
	}
	fmt.Fprint(os.Stderr, usage)
	return fmt.Errorf("it is not known what to do with the arguments %q", arguments)
}
