package api

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"

	"golang.org/x/net/http2"

	"alcove.dev/agent/channel"
)

type prepared struct{ Machine }

func (prepared) Prepared() error { return nil }

// daemonOf is the daemon's end of a channel to an agent.
func daemonOf(t *testing.T) *http2.ClientConn {
	t.Helper()
	ours, theirs := net.Pipe()
	server := &Server{Machine: prepared{}}
	go channel.ServeHTTP(t.Context(), theirs, server.Handler())
	client, err := (&http2.Transport{AllowHTTP: true}).NewClientConn(ours)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close(); theirs.Close() })
	return client
}

func connect(t *testing.T, daemon *http2.ClientConn, port string, body io.Reader) *http.Response {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), "POST", "http://agent/ports/"+port+"/connect", body)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := daemon.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { answer.Body.Close() })
	return answer
}

// program listens, and answers each connection by handle.
func program(t *testing.T, address string, handle func(*net.TCPConn)) string {
	t.Helper()
	listener, err := net.Listen("tcp", address)
	if err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go handle(conn.(*net.TCPConn))
		}
	}()
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	return port
}

type portFrame struct {
	kind  byte
	bytes string
}

func readPortFrame(from io.Reader) (portFrame, error) {
	var head [4]byte
	if _, err := io.ReadFull(from, head[:]); err != nil {
		return portFrame{}, err
	}
	number := binary.BigEndian.Uint32(head[:]) & 0xffffff
	if head[0] != 1 {
		return portFrame{head[0], fmt.Sprint(number)}, nil
	}
	piece := make([]byte, number)
	_, err := io.ReadFull(from, piece)
	return portFrame{1, string(piece)}, err
}

// dataOf reads what a program said until it ended its direction.
func dataOf(from io.Reader) (string, error) {
	var all strings.Builder
	for {
		frame, err := readPortFrame(from)
		if err != nil {
			return all.String(), err
		}
		switch frame.kind {
		case 1:
			all.WriteString(frame.bytes)
		case 2:
			return all.String(), nil
		}
	}
}

func echo(conn *net.TCPConn) {
	io.Copy(conn, conn)
	conn.CloseWrite()
}

func TestAPortIsReachedWhereverItsProgramListens(t *testing.T) {
	for _, address := range []string{"127.0.0.1:0", "[::1]:0", "0.0.0.0:0"} {
		port := program(t, address, echo)
		answer := connect(t, daemonOf(t), port, strings.NewReader("to and fro"))
		if said, err := dataOf(answer.Body); err != nil || said != "to and fro" {
			t.Errorf("%s: %q, %v", address, said, err)
		}
	}
}

func TestNobodyListening(t *testing.T) {
	listener, _ := net.Listen("tcp", "127.0.0.1:0")
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	listener.Close()
	answer := connect(t, daemonOf(t), port, http.NoBody)
	body, _ := io.ReadAll(answer.Body)
	if answer.StatusCode != 502 || !strings.Contains(string(body), `"PortRefused"`) {
		t.Errorf("%d %s", answer.StatusCode, body)
	}
	for _, wrong := range []string{"0", "65536", "-1", "http"} {
		if answer := connect(t, daemonOf(t), wrong, http.NoBody); answer.StatusCode != 400 {
			t.Errorf("port %s: %d", wrong, answer.StatusCode)
		}
	}
}

func TestEitherDirectionMayEndFirst(t *testing.T) {
	heard := make(chan string, 1)
	port := program(t, "127.0.0.1:0", func(conn *net.TCPConn) {
		conn.Write([]byte("first"))
		conn.CloseWrite()
		rest, _ := io.ReadAll(conn)
		heard <- string(rest)
	})
	reading, writing := io.Pipe()
	answer := connect(t, daemonOf(t), port, reading)
	if said, err := dataOf(answer.Body); err != nil || said != "first" {
		t.Fatalf("%q, %v", said, err)
	}
	writing.Write([]byte("then"))
	writing.Close()
	if rest := <-heard; rest != "then" {
		t.Errorf("the program heard %q", rest)
	}
	if _, err := readPortFrame(answer.Body); !errors.Is(err, io.EOF) {
		t.Errorf("after both ends: %v", err)
	}
}

func TestAProgramThatBreaksOffNeverLooksWhole(t *testing.T) {
	port := program(t, "127.0.0.1:0", func(conn *net.TCPConn) {
		io.ReadFull(conn, make([]byte, 1))
		conn.SetLinger(0)
		conn.Close()
	})
	reading, writing := io.Pipe()
	answer := connect(t, daemonOf(t), port, reading)
	writing.Write([]byte("x"))
	if said, err := dataOf(answer.Body); err == nil || errors.Is(err, io.EOF) {
		t.Errorf("%q, %v", said, err)
	}
}

func TestADaemonThatGivesUpNeverLooksWhole(t *testing.T) {
	ended := make(chan error, 1)
	port := program(t, "127.0.0.1:0", func(conn *net.TCPConn) {
		_, err := io.ReadAll(conn)
		ended <- err
	})
	reading, writing := io.Pipe()
	connect(t, daemonOf(t), port, reading)
	writing.Write([]byte("half"))
	writing.CloseWithError(errors.New("given up"))
	if err := <-ended; err == nil {
		t.Error("the program saw an end")
	}
}

// The window of the whole channel is larger than what such connections may hold.
func TestWhatIsTakenIsTold(t *testing.T) {
	port := program(t, "127.0.0.1:0", func(conn *net.TCPConn) { io.Copy(io.Discard, conn); conn.CloseWrite() })
	answer := connect(t, daemonOf(t), port, bytes.NewReader(make([]byte, 1<<20)))
	taken := 0
	for {
		frame, err := readPortFrame(answer.Body)
		if err != nil {
			t.Fatal(err)
		}
		if frame.kind == 2 {
			break
		}
		var number int
		fmt.Sscan(frame.bytes, &number)
		taken += number
	}
	if taken > 1<<20 || taken <= 1<<20-takenFromForTests {
		t.Errorf("%d of %d bytes were told as taken", taken, 1<<20)
	}
}

const takenFromForTests = 16 << 10

func TestAThousandConnectionsAndNoMore(t *testing.T) {
	port := program(t, "127.0.0.1:0", echo)
	daemon := daemonOf(t)
	var all sync.WaitGroup
	release := make(chan struct{})
	open := make(chan struct{}, portCalls)
	for range portCalls {
		all.Add(1)
		go func() {
			defer all.Done()
			reading, writing := io.Pipe()
			answer := connect(t, daemon, port, reading)
			open <- struct{}{}
			<-release
			writing.Write([]byte("mine"))
			writing.Close()
			if said, err := dataOf(answer.Body); err != nil || said != "mine" {
				t.Errorf("%q, %v", said, err)
			}
		}()
	}
	for range portCalls {
		<-open
	}
	if answer := connect(t, daemon, port, http.NoBody); answer.StatusCode != 429 {
		t.Errorf("one more was answered with %d", answer.StatusCode)
	}
	close(release)
	all.Wait()
}
