package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/coder/websocket"
)

const (
	maxMessageBytes  = 16 << 20
	outputHeaderSize = 9 // one byte of stream, eight of offset
	stdinChunkBytes  = 64 << 10
)

// message is the contract's ExecStreamReceive.
type message struct {
	Type string
	From int64
	To   int64
	Exec struct {
		ExitCode int
		TimedOut bool
	}
	Problem struct{ Detail, Hint string }
}

// follow runs the program with our standard streams as its own, and answers its exit code.
func follow(ctx context.Context, d *daemon, id string, c command) (int, error) {
	socket, _, err := websocket.Dial(ctx, group+"/sandboxes/"+id+"/exec/stream", &websocket.DialOptions{HTTPClient: d.client})
	if err != nil {
		return 0, errHandOver
	}
	defer socket.CloseNow()
	socket.SetReadLimit(maxMessageBytes)
	stop := passSignals(ctx, socket)
	defer stop()
	if err := send(ctx, socket, map[string]any{"type": "start", "start": c.exec}); err != nil {
		return 0, errHandOver
	}
	started := false
	for {
		kind, data, err := socket.Read(ctx)
		if err != nil {
			return exitFailed, fmt.Errorf("the stream of the exec broke: %w\nhint: look at the daemon with `alcove status`", err)
		}
		if kind == websocket.MessageBinary {
			if err := writeOutput(data); err != nil {
				return exitFailed, err
			}
			continue
		}
		var m message
		if err := json.Unmarshal(data, &m); err != nil {
			return exitFailed, fmt.Errorf("the daemon sent a message that is no JSON: %w", err)
		}
		switch m.Type {
		case "started":
			started = true
			if c.exec.Stdin {
				go passStdin(ctx, socket)
			}
		case "gap":
			fmt.Fprintf(os.Stderr, "\nwarning: %d bytes of output are lost\n", m.To-m.From)
		case "end":
			return exitCode(m, c), nil
		case "error":
			if !started {
				return 0, errHandOver
			}
			return exitFailed, fmt.Errorf("%s\nhint: %s", m.Problem.Detail, m.Problem.Hint)
		}
	}
}

func exitCode(m message, c command) int {
	if m.Exec.TimedOut {
		fmt.Fprintf(os.Stderr, "error: the program was ended after %d ms\nhint: give it more time with --timeout\n", c.exec.TimeoutMs)
		return exitTimedOut
	}
	return m.Exec.ExitCode
}

func writeOutput(data []byte) error {
	if len(data) < outputHeaderSize {
		return errors.New("the daemon sent output without a header")
	}
	target := os.Stdout
	if data[0] == 2 {
		target = os.Stderr
	}
	_, err := target.Write(data[outputHeaderSize:])
	return err
}

func passStdin(ctx context.Context, socket *websocket.Conn) {
	buffer := make([]byte, stdinChunkBytes)
	for {
		count, err := os.Stdin.Read(buffer)
		if count > 0 && socket.Write(ctx, websocket.MessageBinary, buffer[:count]) != nil {
			return
		}
		if errors.Is(err, io.EOF) {
			_ = send(ctx, socket, map[string]any{"type": "closeStdin"})
		}
		if err != nil {
			return
		}
	}
}

// passSignals sends our signals on to the program; a second Ctrl-C kills it.
func passSignals(ctx context.Context, socket *websocket.Conn) func() {
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT)
	names := map[os.Signal]string{syscall.SIGINT: "INT", syscall.SIGTERM: "TERM", syscall.SIGHUP: "HUP", syscall.SIGQUIT: "QUIT"}
	go func() {
		interrupts := 0
		for received := range signals {
			name := names[received]
			if received == syscall.SIGINT {
				if interrupts++; interrupts > 1 {
					name = "KILL"
				}
			}
			_ = send(ctx, socket, map[string]any{"type": "signal", "signal": name})
		}
	}()
	return func() { signal.Stop(signals) }
}

func send(ctx context.Context, socket *websocket.Conn, value any) error {
	encoded, err := json.Marshal(value)
	if err != nil {
		return err
	}
	return socket.Write(ctx, websocket.MessageText, encoded)
}
