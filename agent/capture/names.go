package capture

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// mostQuestions are under way at once; the next ones wait in their sockets.
	mostQuestions = 16
	// mostAskers are the connections to ask over. One more is reset.
	mostAskers = 64
	// questionBytes is the most that the gateway takes.
	questionBytes = 4096
	// questionDeadline is shorter than the five seconds after which programs ask again.
	questionDeadline = 4 * time.Second
	// idleDeadline is for how long a connection may ask nothing.
	idleDeadline = 10 * time.Second
)

// ask gets the gateway's answer to a message. Where there is none it answers that the server failed, and where the question is not
// even one, nothing.
func (c *Capture) ask(message []byte, protocol string) []byte {
	within, cancel := context.WithTimeout(c.present(), questionDeadline)
	defer cancel()
	answer, err := c.tryAsk(within, message, protocol)
	if err != nil || len(answer) < headerBytes {
		return serverFailure(message)
	}
	return answer
}

func (c *Capture) tryAsk(within context.Context, message []byte, protocol string) ([]byte, error) {
	response, err := c.sessions.call(within, func() *http.Request {
		request, _ := http.NewRequestWithContext(within, http.MethodPost, "http://daemon/dns", bytes.NewReader(message))
		request.Header.Set("X-Alcove-Protocol", protocol)
		return request
	})
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, errors.New(response.Status)
	}
	return io.ReadAll(io.LimitReader(response.Body, largestMessage))
}

// listenDatagrams opens a socket that tells of each datagram to which of our addresses it came.
func listenDatagrams(network string, port int) (*net.UDPConn, error) {
	socket, err := net.ListenUDP(network, &net.UDPAddr{Port: port})
	if err != nil {
		return nil, err
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return nil, err
	}
	var failed error
	err = raw.Control(func(descriptor uintptr) {
		if network == "udp4" {
			failed = unix.SetsockoptInt(int(descriptor), unix.IPPROTO_IP, unix.IP_PKTINFO, 1)
		} else {
			failed = unix.SetsockoptInt(int(descriptor), unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO, 1)
		}
	})
	return socket, errors.Join(err, failed)
}

// readQuestions answers datagrams for ever.
func (c *Capture) readQuestions(socket *net.UDPConn) {
	content, control := make([]byte, questionBytes+1), make([]byte, unix.CmsgSpace(unix.SizeofInet6Pktinfo))
	for {
		count, controlCount, _, from, err := socket.ReadMsgUDPAddrPort(content, control)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil || count > questionBytes {
			continue
		}
		c.asked <- struct{}{}
		message, source := bytes.Clone(content[:count]), answerFrom(control[:controlCount])
		go func() {
			defer func() { <-c.asked }()
			c.answerDatagram(socket, message, source, from)
		}()
	}
}

func (c *Capture) answerDatagram(socket *net.UDPConn, message, source []byte, to netip.AddrPort) {
	answer := fitted(c.ask(message, "udp"), datagramLimit(message))
	if len(answer) > 0 {
		socket.WriteMsgUDPAddrPort(answer, source, to)
	}
}

// answerFrom makes of the address that a question came to the one that its answer leaves from: the kernel translates only that back.
func answerFrom(control []byte) []byte {
	messages, err := unix.ParseSocketControlMessage(control)
	if err != nil || len(messages) != 1 {
		return nil
	}
	header, content := messages[0].Header, messages[0].Data
	switch {
	case header.Level == unix.IPPROTO_IP && header.Type == unix.IP_PKTINFO && len(content) >= unix.SizeofInet4Pktinfo:
		var source unix.Inet4Pktinfo
		copy(source.Spec_dst[:], content[8:12]) // ipi_addr
		return unix.PktInfo4(&source)
	case header.Level == unix.IPPROTO_IPV6 && header.Type == unix.IPV6_PKTINFO && len(content) >= unix.SizeofInet6Pktinfo:
		source := unix.Inet6Pktinfo{Ifindex: binary.NativeEndian.Uint32(content[16:20])}
		copy(source.Addr[:], content)
		return unix.PktInfo6(&source)
	}
	return nil
}

// takeQuestions answers what is asked over a connection, one question after the other.
func (c *Capture) takeQuestions(conn *net.TCPConn) {
	select {
	case c.askers <- struct{}{}:
	default:
		reset(conn)
		return
	}
	go func() {
		defer func() { <-c.askers }()
		defer conn.Close()
		defer context.AfterFunc(c.present(), func() { reset(conn) })()
		for c.answerNext(conn) == nil {
		}
	}()
}

func (c *Capture) answerNext(conn net.Conn) error {
	conn.SetDeadline(time.Now().Add(idleDeadline))
	var length [2]byte
	if _, err := io.ReadFull(conn, length[:]); err != nil {
		return err
	}
	size := binary.BigEndian.Uint16(length[:])
	if size > questionBytes {
		return errors.New("the question is too long")
	}
	message := make([]byte, size)
	if _, err := io.ReadFull(conn, message); err != nil {
		return err
	}
	c.asked <- struct{}{}
	answer := c.ask(message, "tcp")
	<-c.asked
	if len(answer) == 0 {
		return errors.New("this is no question")
	}
	_, err := conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(answer))), answer...))
	return err
}
