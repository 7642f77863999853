package channel

import (
	"context"
	"net"
	"net/http"
	"time"

	"golang.org/x/net/http2"
)

// Windows and frames of the daemon's calls are large because the channel has a high price per message and one peer.
const (
	frameBytes        = 1 << 20
	streamWindowBytes = 8 << 20
	// A connection to a port whose program does not read holds 64 KiB (PROTOCOL.md): a thousand of them hold up nothing else.
	connectionWindowBytes = 16<<20 + 1000*(64<<10)
	// Connections to ports, and all else.
	streams = 1000 + 600
)

// The agent's own calls are programs' connections, many at once, each of which may not read for as long as it likes. So what is on its way
// to one is little, and to all together as much as a thousand of them can have: none holds up the others.
const (
	callFrameBytes            = 64 << 10
	callWindowBytes           = 64 << 10
	callConnectionWindowBytes = 64 << 20
)

// ServeHTTP serves the daemon's calls on a session.
func ServeHTTP(ctx context.Context, session net.Conn, handler http.Handler) {
	server := &http2.Server{
		MaxConcurrentStreams:         streams,
		MaxReadFrameSize:             frameBytes,
		MaxUploadBufferPerStream:     streamWindowBytes,
		MaxUploadBufferPerConnection: connectionWindowBytes,
	}
	server.ServeConn(session, &http2.ServeConnOpts{
		Context:    ctx,
		Handler:    handler,
		BaseConfig: &http.Server{MaxHeaderBytes: 64 << 10},
	})
}

// Client makes the agent's calls to the daemon on a session.
type Client struct {
	connection *http2.ClientConn
	closed     <-chan struct{}
}

// NewClient starts HTTP/2 on a session as its client. The client is over when Closed is.
func NewClient(conn net.Conn) (*Client, error) {
	watched := &watchedConn{Conn: conn, closed: make(chan struct{})}
	transport, err := http2.ConfigureTransports(&http.Transport{DisableCompression: true, HTTP2: &http.HTTP2Config{
		MaxReadFrameSize:              callFrameBytes,
		MaxReceiveBufferPerStream:     callWindowBytes,
		MaxReceiveBufferPerConnection: callConnectionWindowBytes,
		PingTimeout:                   10 * time.Second,
	}})
	if err != nil {
		return nil, err
	}
	transport.AllowHTTP = true
	connection, err := transport.NewClientConn(watched)
	if err != nil {
		return nil, err
	}
	return &Client{connection: connection, closed: watched.closed}, nil
}

// Closed is closed when the session is over.
func (c *Client) Closed() <-chan struct{} { return c.closed }

// Do makes one call.
func (c *Client) Do(request *http.Request) (*http.Response, error) {
	return c.connection.RoundTrip(request)
}
