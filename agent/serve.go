package main

import (
	"context"
	"log"
	"net"

	"alcove.dev/agent/api"
	"alcove.dev/agent/channel"
	"alcove.dev/agent/machine"
)

// lines are the two byte streams of the channel.
type lines struct{ agent, host channel.Line }

// serveChannel serves both lines until the daemon's calls can no longer be taken.
func serveChannel(on lines, identify func() channel.Identity, server *api.Server, useHost func(*channel.Client)) error {
	go func() {
		err := channel.Serve(on.host, identify, func(session net.Conn) {
			client, err := channel.NewClient(session)
			if err != nil {
				return
			}
			useHost(client)
		})
		log.Printf("the stream to the daemon failed: %v", err)
	}()
	handler := server.Handler()
	return channel.Serve(on.agent, identify, func(session net.Conn) {
		channel.ServeHTTP(context.Background(), session, handler)
	})
}

var _ api.Machine = (*machine.Machine)(nil)
