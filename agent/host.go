package main

import (
	"fmt"

	"alcove.dev/agent/host"
)

func runOnHost(name string, arguments []string) error {
	switch name {
	case "initramfs":
		return host.WriteInitramfs(arguments)
	case "spawn":
		return host.Spawn(arguments)
	case "tsc-khz":
		return host.PrintTSC()
	}
	return fmt.Errorf("there is no host subcommand %q", name)
}
