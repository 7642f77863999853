package main

import (
	"fmt"
	"os"

	"alcove.dev/agent/host"
	"alcove.dev/agent/launcher"
)

func runOnHost(name string, arguments []string) error {
	switch name {
	case "initramfs":
		return host.WriteInitramfs(arguments)
	case "launch":
		os.Exit(launcher.Launch(arguments))
	case "spawn":
		return host.Spawn(arguments)
	case "tsc-khz":
		return host.PrintTSC()
	}
	return fmt.Errorf("there is no host subcommand %q", name)
}
