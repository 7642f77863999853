// Package channel carries HTTP/2 connections over lines that have no session boundary of their own.
package channel

import (
	"io"
	"net"
	"time"
)

// Line is a byte stream that lives as long as the agent and sees many sessions.
type Line interface {
	io.ReadWriter
	// WaitPeer returns when somebody may be at the other end. Reads answer io.EOF when nobody is.
	WaitPeer() error
	// HangUp is called after io.EOF: a line that is made of connections gives up the one that ended.
	HangUp()
	SetReadDeadline(time.Time) error
	SetWriteDeadline(time.Time) error
}

// Serve runs one session after the other on the line, each opened by a hello, until the line itself fails. The function
// run returns when its session is over; the end of a session ends nothing else.
func Serve(line Line, identify func() Identity, run func(net.Conn)) error {
	reader := newStreamReader(line)
	for {
		if err := line.WaitPeer(); err != nil {
			return err
		}
		hello, err := searchHello(reader)
		for err == nil {
			var next *Hello
			if next, err = runSession(line, reader, answer(hello, identify()), run); next == nil {
				break
			}
			hello = *next
		}
		if err != nil {
			reader.reset()
			line.HangUp()
		}
	}
}

// runSession answers a hello and runs its session. It returns the hello that replaced it, if one did, and an error when
// the line has nobody behind it any more.
func runSession(line Line, reader *streamReader, ready []byte, run func(net.Conn)) (*Hello, error) {
	current := newSession(line, reader)
	defer current.finish()
	if _, err := current.Write(ready); err != nil {
		return nil, err
	}
	run(current)
	current.finish()
	return current.replacement, nil
}
