package channel

import (
	"errors"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

var errReplaced = errors.New("another hello came where HTTP/2 should begin")

// session is one HTTP/2 connection's share of a line, as the net.Conn that HTTP/2 wants. Closing it ends the session
// and leaves the line open for the next one.
type session struct {
	line    Line
	reader  *streamReader
	closed  atomic.Bool
	closing sync.Mutex
	reading sync.Mutex
	writing sync.Mutex
	begun   bool

	// replacement is the hello that came instead of HTTP/2; set before errReplaced is returned.
	replacement *Hello
}

func newSession(line Line, reader *streamReader) *session {
	return &session{line: line, reader: reader}
}

func (s *session) Read(into []byte) (int, error) {
	s.reading.Lock()
	defer s.reading.Unlock()
	if s.closed.Load() {
		return 0, net.ErrClosed
	}
	if !s.begun {
		if err := s.begin(); err != nil {
			return 0, err
		}
	}
	return s.reader.Read(into)
}

// begin looks at the first bytes of the session: a hello there means that the daemon gave up the one before.
func (s *session) begin() error {
	window, err := s.reader.peek(magicBytes)
	if err != nil {
		return err
	}
	if string(window[:magicBytes]) != helloMagic {
		s.begun = true
		return nil
	}
	hello, err := readHello(s.reader)
	if err != nil {
		return err
	}
	s.replacement = &hello
	return errReplaced
}

func (s *session) Write(from []byte) (int, error) {
	s.writing.Lock()
	defer s.writing.Unlock()
	if s.closed.Load() {
		return 0, net.ErrClosed
	}
	return s.line.Write(from)
}

// Close makes reads and writes under way return; finish waits for them. It returns when the deadlines are set that do so: of two at once
// the second waits, else finish would take them back before they are set, and the line would be dead.
func (s *session) Close() error {
	s.closing.Lock()
	defer s.closing.Unlock()
	if s.closed.Swap(true) {
		return nil
	}
	past := time.Unix(1, 0)
	s.line.SetReadDeadline(past)
	s.line.SetWriteDeadline(past)
	return nil
}

// finish returns when nobody uses the line through this session any more.
func (s *session) finish() {
	s.Close()
	s.reading.Lock()
	s.writing.Lock()
	s.line.SetReadDeadline(time.Time{})
	s.line.SetWriteDeadline(time.Time{})
	s.writing.Unlock()
	s.reading.Unlock()
}

type address string

func (a address) Network() string { return "alcove" }
func (a address) String() string  { return string(a) }

func (s *session) LocalAddr() net.Addr  { return address("agent") }
func (s *session) RemoteAddr() net.Addr { return address("daemon") }

// Deadlines belong to Close: HTTP/2 runs here without any of its own.
func (s *session) SetDeadline(time.Time) error      { return os.ErrNoDeadline }
func (s *session) SetReadDeadline(time.Time) error  { return os.ErrNoDeadline }
func (s *session) SetWriteDeadline(time.Time) error { return os.ErrNoDeadline }
