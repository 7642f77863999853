package main

import (
	"flag"

	"alcove.dev/agent/api"
	"alcove.dev/agent/channel"
	"alcove.dev/agent/exchange"
	"alcove.dev/agent/machine"
)

func runForDevelopment(arguments []string) error {
	flags := flag.NewFlagSet("serve", flag.ContinueOnError)
	agentSocket := flags.String("agent-socket", "", "UNIX socket for the daemon's calls")
	hostSocket := flags.String("host-socket", "", "UNIX socket for the agent's calls")
	exchangeFile := flags.String("exchange", "", "file that stands for the disk for exchange")
	if err := flags.Parse(arguments); err != nil {
		return err
	}
	agent, err := channel.ListenSocket(*agentSocket)
	if err != nil {
		return err
	}
	host, err := channel.ListenSocket(*hostSocket)
	if err != nil {
		return err
	}
	var device *exchange.Device
	if *exchangeFile != "" {
		if device, err = exchange.Open(*exchangeFile); err != nil {
			return err
		}
	}
	sandbox := machine.NewDevelopment(device)
	server := &api.Server{Machine: sandbox, Execs: sandbox.Execs, Book: sandbox.Book}
	return serveChannel(lines{agent: agent, host: host}, sandbox.Identity, server, machine.WatchTime)
}
