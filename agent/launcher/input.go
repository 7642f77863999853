package launcher

import (
	"context"
	"errors"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/coder/websocket"
)

const stdinChunkBytes = 64 << 10

// passStdin gives the program what we read, and closes its input at our end of file.
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

var signalNames = map[os.Signal]string{
	syscall.SIGINT:  "INT",
	syscall.SIGTERM: "TERM",
	syscall.SIGHUP:  "HUP",
	syscall.SIGQUIT: "QUIT",
}

// passSignals sends our signals on to the program, a second Ctrl-C as a kill; a third one leaves at once. It answers how to stop that. A write to
// a closed pipe becomes an error instead of our end, so that the program does not go on unread.
func passSignals(ctx context.Context, socket *websocket.Conn) func() {
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT)
	signal.Ignore(syscall.SIGPIPE)
	go func() {
		interrupts := 0
		for received := range signals {
			name := signalNames[received]
			if received == syscall.SIGINT {
				if interrupts++; interrupts > 2 {
					os.Exit(exitCtrlC)
				}
				if interrupts > 1 {
					name = "KILL"
				}
			}
			_ = send(ctx, socket, map[string]any{"type": "signal", "signal": name})
		}
	}()
	return func() { signal.Stop(signals) }
}
