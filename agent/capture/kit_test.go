package capture

import (
	"io"
	"net"
	"net/http"
	"net/netip"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/net/http2"

	"alcove.dev/agent/channel"
)

var destination = netip.MustParseAddrPort("203.0.113.5:443")

// join gives the capture a session with a daemon that serves calls so, and answers how to lose it.
func join(t *testing.T, c *Capture, serve http.HandlerFunc) (lose func()) {
	t.Helper()
	ours, theirs := pair(t, "unix", filepath.Join(t.TempDir(), "host"))
	go (&http2.Server{MaxConcurrentStreams: 1024, MaxReadFrameSize: 16 << 10}).ServeConn(theirs, &http2.ServeConnOpts{Handler: serve})
	client, err := channel.NewClient(ours)
	if err != nil {
		t.Fatal(err)
	}
	c.Use(client)
	return func() { theirs.Close() }
}

// program is a program's end of a connection that the capture carries.
func program(t *testing.T, c *Capture) *net.TCPConn {
	t.Helper()
	ours, taken := pair(t, "tcp", "127.0.0.1:0")
	c.take(taken.(*net.TCPConn), func(*net.TCPConn) (netip.AddrPort, error) { return destination, nil })
	ours.SetDeadline(time.Now().Add(20 * time.Second))
	return ours.(*net.TCPConn)
}

func pair(t *testing.T, network, address string) (dialled, accepted net.Conn) {
	t.Helper()
	listener, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	if dialled, err = net.Dial(network, listener.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if accepted, err = listener.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { dialled.Close(); accepted.Close() })
	return dialled, accepted
}

// duplex takes a connection as the gateway does: the head of the answer first, both bodies after it.
func duplex(writer http.ResponseWriter) func([]byte) error {
	controller := http.NewResponseController(writer)
	controller.EnableFullDuplex()
	writer.WriteHeader(http.StatusOK)
	controller.Flush()
	return func(content []byte) error {
		if _, err := writer.Write(content); err != nil {
			return err
		}
		return controller.Flush()
	}
}

func echo(writer http.ResponseWriter, request *http.Request) {
	write := duplex(writer)
	buffer := make([]byte, 32<<10)
	for {
		count, err := request.Body.Read(buffer)
		if count > 0 && write(buffer[:count]) != nil || err != nil {
			return
		}
	}
}

// takeSilently takes a connection, and tells when its stream is gone.
func takeSilently(gone chan<- struct{}) http.HandlerFunc {
	return func(writer http.ResponseWriter, request *http.Request) {
		duplex(writer)
		<-request.Context().Done()
		gone <- struct{}{}
	}
}

func expectReset(t *testing.T, conn net.Conn) {
	t.Helper()
	if _, err := io.ReadAll(conn); err == nil || !isReset(err) {
		t.Fatalf("the program saw %v", err)
	}
}

func expect(t *testing.T, what string, within <-chan struct{}) {
	t.Helper()
	select {
	case <-within:
	case <-time.After(20 * time.Second):
		t.Fatal("not seen: " + what)
	}
}
