package capture

import (
	"fmt"
	"log"
	"net"
	"net/netip"
	"time"
)

// listen opens a socket for each family: one for both would not tell where an IPv4 connection was meant to go.
func (c *Capture) listen() error {
	for _, family := range []string{"4", "6"} {
		connections, err := net.Listen("tcp"+family, fmt.Sprintf(":%d", connectionPort))
		if err != nil {
			return err
		}
		questions, err := net.Listen("tcp"+family, fmt.Sprintf(":%d", namePort))
		if err != nil {
			return err
		}
		datagrams, err := listenDatagrams("udp"+family, namePort)
		if err != nil {
			return err
		}
		go accept(connections, func(conn *net.TCPConn) { c.take(conn, meantDestination) })
		go accept(questions, c.takeQuestions)
		go c.readQuestions(datagrams)
	}
	return nil
}

// accept hands out connections for ever.
func accept(listener net.Listener, take func(*net.TCPConn)) {
	const pause = 50 * time.Millisecond // while there are no descriptors
	for {
		conn, err := listener.Accept()
		if err != nil {
			log.Printf("a connection could not be taken: %v", err)
			time.Sleep(pause)
			continue
		}
		take(conn.(*net.TCPConn))
	}
}

// take carries a connection where there is room for it.
func (c *Capture) take(conn *net.TCPConn, meant func(*net.TCPConn) (netip.AddrPort, error)) {
	select {
	case c.held <- struct{}{}:
	default:
		reset(conn)
		return
	}
	go func() {
		defer func() { <-c.held }()
		destination, err := meant(conn)
		if err != nil {
			reset(conn)
			return
		}
		c.carry(conn, destination)
	}()
}

// reset ends a connection so that its program finds out at once, and that it was no regular end.
func reset(conn *net.TCPConn) {
	conn.SetLinger(0)
	conn.Close()
}
