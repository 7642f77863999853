package capture

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// patience is how long a connection waits for a session, and for a stream.
const patience = 10 * time.Second

// flow is a program's connection while it is carried. As a request's body it is what the program sends.
type flow struct {
	conn *net.TCPConn
	once sync.Once
	// sent is closed when the program sends no more, whether it said so or its connection was reset.
	sent     chan struct{}
	sentOnce sync.Once
}

// carry opens a stream for a connection and follows it until both of its directions have ended, or one of them broke off.
func (c *Capture) carry(conn *net.TCPConn, destination netip.AddrPort) {
	life := c.present()
	f := &flow{conn: conn, sent: make(chan struct{})}
	defer context.AfterFunc(life, f.reset)()
	waiting, stopWaiting := context.WithTimeout(life, patience)
	defer stopWaiting()
	select {
	case c.streams <- struct{}{}:
		defer func() { <-c.streams }()
	case <-waiting.Done():
		f.reset()
		return
	}
	current, err := c.sessions.wait(waiting)
	stopWaiting()
	if err != nil || !f.run(life, current, destination) {
		f.reset()
	}
	conn.Close()
}

// run answers whether both directions came to a regular end.
func (f *flow) run(life context.Context, through *session, destination netip.AddrPort) bool {
	request, err := http.NewRequestWithContext(life, http.MethodPost, "http://daemon/connections", f)
	if err != nil {
		return false
	}
	request.Header.Set("X-Alcove-Destination", destination.String())
	response, err := through.do(request)
	if err != nil || response == nil {
		return false
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK || deliver(f.conn, response.Body) != nil || f.conn.CloseWrite() != nil {
		return false
	}
	<-f.sent
	return life.Err() == nil
}

// Read gives what the program sends. Its end is watched on: a program may still break off what it waits for.
func (f *flow) Read(into []byte) (int, error) {
	count, err := f.conn.Read(into)
	if err == io.EOF {
		f.sentOnce.Do(func() {
			go f.watch()
			close(f.sent)
		})
	} else if err != nil {
		f.reset()
	}
	return count, err
}

// Close is called when nobody reads what the program sends any more: regularly only after its end.
func (f *flow) Close() error {
	select {
	case <-f.sent:
	default:
		f.reset()
	}
	return nil
}

func (f *flow) reset() {
	f.once.Do(func() { reset(f.conn) })
	f.sentOnce.Do(func() { close(f.sent) })
}

// watch waits, after the program's end of data, until its connection is gone altogether.
func (f *flow) watch() {
	raw, err := f.conn.SyscallConn()
	if err != nil {
		return
	}
	const closed = 7 // TCP_CLOSE
	err = raw.Read(func(descriptor uintptr) bool {
		information, err := unix.GetsockoptTCPInfo(int(descriptor), unix.IPPROTO_TCP, unix.TCP_INFO)
		return err != nil || information.State == closed
	})
	if err == nil {
		f.reset()
	}
}

const (
	// An idle connection holds as little as the first; one that data streams to holds the second.
	idleBytes      = 1 << 10
	streamingBytes = 64 << 10
)

var streamingBuffers = sync.Pool{New: func() any { return new([streamingBytes]byte) }}

// deliver writes to the program what it gets, no faster than it reads.
func deliver(to io.Writer, from io.Reader) error {
	small := make([]byte, idleBytes)
	for {
		count, err := from.Read(small)
		if failed := writeSome(to, small[:count]); failed != nil {
			return failed
		}
		if err == nil && count == len(small) {
			err = deliverStream(to, from)
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// deliverStream goes on for as long as much comes at a time.
func deliverStream(to io.Writer, from io.Reader) error {
	buffer := streamingBuffers.Get().(*[streamingBytes]byte)
	defer streamingBuffers.Put(buffer)
	for {
		count, err := from.Read(buffer[:])
		if failed := writeSome(to, buffer[:count]); failed != nil {
			return failed
		}
		if err != nil || count < idleBytes {
			return err
		}
	}
}

func writeSome(to io.Writer, content []byte) error {
	if len(content) == 0 {
		return nil
	}
	_, err := to.Write(content)
	return err
}
