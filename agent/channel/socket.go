package channel

import (
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// Socket is a line for development and tests: a UNIX socket that takes one connection after the other.
type Socket struct {
	listener *net.UnixListener
	mutex    sync.Mutex
	current  *net.UnixConn
}

// ListenSocket makes a line at path, removing what an earlier run left there.
func ListenSocket(path string) (*Socket, error) {
	os.Remove(path)
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, err
	}
	return &Socket{listener: listener}, nil
}

func (s *Socket) WaitPeer() error {
	if s.connection() != nil {
		return nil
	}
	accepted, err := s.listener.AcceptUnix()
	if err != nil {
		return err
	}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.current = accepted
	return nil
}

// Close ends the line.
func (s *Socket) Close() error {
	s.HangUp()
	return s.listener.Close()
}

func (s *Socket) HangUp() {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.current != nil {
		s.current.Close()
		s.current = nil
	}
}

func (s *Socket) connection() *net.UnixConn {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.current
}

func (s *Socket) Read(into []byte) (int, error) {
	if connection := s.connection(); connection != nil {
		return connection.Read(into)
	}
	return 0, io.EOF
}

func (s *Socket) Write(from []byte) (int, error) {
	if connection := s.connection(); connection != nil {
		return connection.Write(from)
	}
	return 0, io.EOF
}

func (s *Socket) SetReadDeadline(moment time.Time) error {
	if connection := s.connection(); connection != nil {
		return connection.SetReadDeadline(moment)
	}
	return nil
}

func (s *Socket) SetWriteDeadline(moment time.Time) error {
	if connection := s.connection(); connection != nil {
		return connection.SetWriteDeadline(moment)
	}
	return nil
}
