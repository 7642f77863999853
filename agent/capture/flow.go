package capture

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// patience is how long a connection waits for a session, and for a stream.
const patience = 10 * time.Second

// flow is a program's connection while it is carried.
type flow struct {
	conn      *net.TCPConn
	resetOnce sync.Once
	// end gives up the stream.
	end context.CancelFunc
	// sent: the program said that it sends no more.
	sent atomic.Bool
}

// carry opens a stream for a connection and follows it until both of its directions have ended, or one of them broke off.
func (c *Capture) carry(conn *net.TCPConn, destination netip.AddrPort) {
	life, end := context.WithCancel(c.present())
	defer end()
	f := &flow{conn: conn, end: end}
	defer context.AfterFunc(life, f.reset)()
	impatience := time.AfterFunc(patience, end)
	defer impatience.Stop()
	select {
	case c.streams <- struct{}{}:
	case <-life.Done():
		return
	}
	defer func() { <-c.streams }()
	response, err := c.sessions.call(life, func() *http.Request { return f.request(life, destination) })
	if err != nil {
		f.reset()
		return
	}
	defer response.Body.Close()
	if !impatience.Stop() || response.StatusCode != http.StatusOK || f.follow(response) != nil {
		f.reset()
	}
	conn.Close()
}

func (f *flow) request(life context.Context, destination netip.AddrPort) *http.Request {
	body := &upload{flow: f, life: life, begun: make(chan struct{}), over: make(chan struct{})}
	request, _ := http.NewRequestWithContext(life, http.MethodPost, "http://daemon/connections", body)
	request.Header.Set("X-Alcove-Destination", destination.String())
	return request
}

// follow carries both directions to their ends. That of the stream is the request's: it is over when its own end is written.
func (f *flow) follow(response *http.Response) error {
	sent := response.Request.Body.(*upload)
	sent.begin()
	if err := deliver(f.conn, response.Body); err != nil {
		return err
	}
	// What ends in the same breath as the answer leaves the program time to read it; what ends later breaks off what the program sends.
	endsWithAnswer := sent.isOver()
	if err := f.conn.CloseWrite(); err != nil {
		return err
	}
	<-sent.over
	if !endsWithAnswer && !f.sent.Load() {
		return errBrokenOff
	}
	return nil
}

var errBrokenOff = errors.New("the daemon gave up the connection")

// upload is what a program sends, as a request's body. Nothing of it is read before the call was answered: until then the same
// connection may be offered again.
type upload struct {
	flow *flow
	// life ends with the carrying of the flow.
	life     context.Context
	begun    chan struct{}
	over     chan struct{}
	overOnce sync.Once
}

func (u *upload) begin() { close(u.begun) }

func (u *upload) isOver() bool {
	select {
	case <-u.over:
		return true
	default:
		return false
	}
}

func (u *upload) Read(into []byte) (int, error) {
	select {
	case <-u.begun:
		return u.flow.read(into)
	case <-u.over:
		return 0, net.ErrClosed
	}
}

// Close is called when nobody reads any more. Once the connection is carried, that is regular only after the program's end. What came for the program
// before is delivered all the same, often its end among it; a program that does not take it is reset.
func (u *upload) Close() error {
	u.overOnce.Do(func() { close(u.over) })
	select {
	case <-u.begun:
		if !u.flow.sent.Load() {
			late := time.AfterFunc(patience, u.flow.reset)
			context.AfterFunc(u.life, func() { late.Stop() })
		}
	default:
	}
	return nil
}

// read gives what the program sends. After its end the connection is watched: the program may still break off what it waits for.
func (f *flow) read(into []byte) (int, error) {
	count, err := f.conn.Read(into)
	if err == io.EOF {
		f.sent.Store(true)
		go f.watch()
	} else if err != nil {
		f.reset()
	}
	return count, err
}

// reset breaks off both the program's connection and the stream.
func (f *flow) reset() {
	f.resetOnce.Do(func() { reset(f.conn) })
	f.end()
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
