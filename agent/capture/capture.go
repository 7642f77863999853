// Package capture takes what programs send to any network and hands it to the daemon: a machine has no network card.
//
// interface.go where the routes lead · rules.go what the kernel redirects and refuses · addresses.go which connections it refuses by their addresses · listen.go the sockets it is redirected to ·
// destination.go where a connection was meant to go · flow.go one connection · names.go, dns.go questions for names · session.go whom it is handed to.
package capture

import (
	"context"
	"sync"

	"alcove.dev/agent/channel"
)

const (
	// mostStreams are open at once. The gateway takes 1,024, so that questions for names and for the time find room beside them.
	mostStreams = 1000
	// mostConnections are held, those among them that wait for a stream. One more is reset.
	mostConnections = 4096
)

// Capture is the agent's end of it. It is used from the start; connections come when it is open.
type Capture struct {
	sessions sessions
	streams  chan struct{} // a place for each that may be open
	held     chan struct{} // a place for each connection
	asked    chan struct{} // a place for each question that is under way
	askers   chan struct{} // a place for each connection to ask over
	// addressing is held while rules for addresses are put into the kernel.
	addressing      sync.Mutex
	hasAddressRules bool
	mutex           sync.Mutex
	life            context.Context
	end             context.CancelFunc
}

// New makes a capture that nothing comes to yet.
func New() *Capture {
	c := &Capture{
		streams: make(chan struct{}, mostStreams),
		held:    make(chan struct{}, mostConnections),
		asked:   make(chan struct{}, mostQuestions),
		askers:  make(chan struct{}, mostAskers),
	}
	c.sessions.changed = make(chan struct{})
	c.life, c.end = context.WithCancel(context.Background())
	return c
}

// Open has the kernel redirect to the agent what programs send. It is called once, while a template is made.
func (c *Capture) Open() error {
	if err := addInterface(); err != nil {
		return err
	}
	if err := c.listen(); err != nil {
		return err
	}
	return addRules()
}

// Use hands what comes from now on to the daemon at the other end of this session.
func (c *Capture) Use(client *channel.Client) { c.sessions.use(client) }

// EndConnections resets all connections that there are: the sandbox is another one, or at another time, than when they began.
func (c *Capture) EndConnections() {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.end()
	c.life, c.end = context.WithCancel(context.Background())
}

// present is done when connections that begin now have to end.
func (c *Capture) present() context.Context {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return c.life
}
