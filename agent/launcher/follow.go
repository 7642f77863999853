package launcher

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"syscall"

	"github.com/coder/websocket"
)

const (
	maxMessageBytes  = 16 << 20
	outputHeaderSize = 9 // one byte of stream, eight of offset
)

// message is the contract's ExecStreamReceive.
type message struct {
	Type string
	From uint64
	To   uint64
	Exec struct {
		ExitCode int
		TimedOut bool
	}
	Problem struct{ Detail, Hint string }
}

// following is one exec with our standard streams as its own.
type following struct {
	socket    *websocket.Conn
	command   command
	isStarted bool
	// How much of the exec's output has been written out.
	offset uint64
}

// follow runs the program and answers its exit code.
func follow(ctx context.Context, cli nodeCLI, d *daemon, sandbox string, c command) (int, error) {
	socket, _, err := websocket.Dial(ctx, d.group+"/sandboxes/"+sandbox+"/exec/stream", &websocket.DialOptions{HTTPClient: d.client})
	if err != nil {
		return 0, errHandOver
	}
	defer socket.CloseNow()
	socket.SetReadLimit(maxMessageBytes)
	defer passSignals(ctx, socket)()
	c.exec.ID = newID()
	if err := send(ctx, socket, map[string]any{"type": "start", "start": c.exec}); err != nil {
		return 0, errHandOver
	}
	f := &following{socket: socket, command: c}
	code, err := f.toEnd(ctx)
	switch {
	case errors.Is(err, errOutput):
		// Nobody has the output: the program is not to go on without.
		_ = d.call(ctx, http.MethodDelete, "/sandboxes/"+sandbox+"/execs/"+c.exec.ID+"?force=true", nil, http.StatusNoContent, nil)
		// A pipe says EPIPE; a socket in its place, as some parents make one, may say ECONNRESET.
		if errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNRESET) {
			return exitBrokenPipe, nil
		}
		return exitFailed, err
	case errors.Is(err, errBrokenStream) && f.isStarted && !c.exec.Stdin:
		return cli.attach(c, sandbox, c.exec.ID, f.offset)
	}
	return code, err
}

var (
	errBrokenStream = errors.New("the stream of the exec broke")
	errOutput       = errors.New("the output cannot be written")
)

func (f *following) toEnd(ctx context.Context) (int, error) {
	for {
		kind, data, err := f.socket.Read(ctx)
		if err != nil {
			return exitFailed, fmt.Errorf("%w: %w\nhint: look at the daemon with `alcove status`", errBrokenStream, err)
		}
		if kind == websocket.MessageBinary {
			if err := f.writeOutput(data); err != nil {
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
			f.isStarted = true
			if f.command.exec.Stdin {
				go passStdin(ctx, f.socket)
			}
		case "gap":
			f.offset = m.To
			fmt.Fprintf(os.Stderr, "\nwarning: %d bytes of output are lost\n", m.To-m.From)
		case "end":
			return exitCode(m, f.command), nil
		case "error":
			if !f.isStarted {
				return 0, errHandOver
			}
			// A signal that did not arrive: the program goes on. What ends the stream shows in the next read.
			fmt.Fprintf(os.Stderr, "error: %s\nhint: %s\n", m.Problem.Detail, m.Problem.Hint)
		}
	}
}

func (f *following) writeOutput(data []byte) error {
	if len(data) < outputHeaderSize {
		return errors.New("the daemon sent output without a header")
	}
	target := os.Stdout
	if data[0] == 2 {
		target = os.Stderr
	}
	output := data[outputHeaderSize:]
	f.offset = binary.BigEndian.Uint64(data[1:]) + uint64(len(output))
	if _, err := target.Write(output); err != nil {
		return fmt.Errorf("%w: %w\nhint: the program was ended; see where its output goes", errOutput, err)
	}
	return nil
}

func exitCode(m message, c command) int {
	if m.Exec.TimedOut {
		fmt.Fprintf(os.Stderr, "error: the program was ended after %d ms\nhint: give it more time with --timeout\n", c.exec.TimeoutMs)
		return exitTimedOut
	}
	return m.Exec.ExitCode
}

// newID is a random UUID: with an id of ours the exec outlives a broken stream, and can be attached to again.
func newID() string {
	var bytes [16]byte
	_, _ = rand.Read(bytes[:]) // never fails
	bytes[6] = bytes[6]&0x0f | 0x40
	bytes[8] = bytes[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", bytes[:4], bytes[4:6], bytes[6:8], bytes[8:10], bytes[10:])
}

func send(ctx context.Context, socket *websocket.Conn, value any) error {
	encoded, err := json.Marshal(value)
	if err != nil {
		return err
	}
	return socket.Write(ctx, websocket.MessageText, encoded)
}
