package channel

import (
	"net"
	"sync"
)

// watchedConn tells when HTTP/2's client has given up its connection: by closing it, or by a read that failed.
type watchedConn struct {
	net.Conn
	once   sync.Once
	closed chan struct{}
}

func (w *watchedConn) Read(into []byte) (int, error) {
	count, err := w.Conn.Read(into)
	if err != nil {
		w.end()
	}
	return count, err
}

func (w *watchedConn) Close() error {
	w.end()
	return w.Conn.Close()
}

func (w *watchedConn) end() { w.once.Do(func() { close(w.closed) }) }
