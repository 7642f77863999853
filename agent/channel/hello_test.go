package channel

import (
	"bytes"
	"context"
	"crypto/rand"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/net/http2"
)

func startLine(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "agent")
	line, err := ListenSocket(path)
	if err != nil {
		t.Fatal(err)
	}
	handler := http.HandlerFunc(func(writer http.ResponseWriter, request *http.Request) {
		io.Copy(io.Discard, request.Body)
		io.WriteString(writer, "hi")
	})
	identify := func() Identity { return Identity{Generation: 7, BootID: [8]byte{1, 2, 3}} }
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		Serve(line, identify, func(session net.Conn) { ServeHTTP(context.Background(), session, handler) })
	}()
	t.Cleanup(func() {
		line.Close()
		<-ended
	})
	return path
}

func dialLine(t *testing.T, path string) net.Conn {
	t.Helper()
	conn, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	conn.SetDeadline(time.Now().Add(10 * time.Second))
	t.Cleanup(func() { conn.Close() })
	return conn
}

func newHello() []byte {
	hello := make([]byte, helloBytes)
	copy(hello, helloMagic)
	rand.Read(hello[16:32])
	return hello
}

// expectReady reads until the answer to this hello, as the daemon does.
func expectReady(t *testing.T, conn net.Conn, hello []byte) {
	t.Helper()
	var seen []byte
	wanted := append([]byte(readyMagic), hello[16:32]...)
	single := make([]byte, 1)
	for {
		if _, err := conn.Read(single); err != nil {
			t.Fatalf("no answer to the hello: %v (%d bytes seen)", err, len(seen))
		}
		seen = append(seen, single[0])
		if len(seen) >= helloBytes && bytes.HasPrefix(seen[len(seen)-helloBytes:], wanted) {
			return
		}
	}
}

func expectHTTP(t *testing.T, conn net.Conn) {
	t.Helper()
	client, err := (&http2.Transport{AllowHTTP: true}).NewClientConn(conn)
	if err != nil {
		t.Fatal(err)
	}
	request, _ := http.NewRequest(http.MethodGet, "http://agent/", nil)
	response, err := client.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if content, err := io.ReadAll(response.Body); string(content) != "hi" {
		t.Fatalf("answer was %q, %v", content, err)
	}
}

func TestAHelloIsFoundBehindGarbage(t *testing.T) {
	garbage := make([]byte, 300_000)
	rand.Read(garbage)
	almost := []byte(helloMagic[:15] + helloMagic[:9] + "AAALCOVE-HELLO-0")
	conn := dialLine(t, startLine(t))
	hello := newHello()
	conn.Write(append(append(garbage, almost...), hello...))
	expectReady(t, conn, hello)
	expectHTTP(t, conn)
}

func TestTheAnswerTellsGenerationAndBoot(t *testing.T) {
	conn := dialLine(t, startLine(t))
	hello := newHello()
	conn.Write(hello)
	ready := make([]byte, helloBytes)
	if _, err := io.ReadFull(conn, ready); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(ready[32:40], []byte{0, 0, 0, 0, 0, 0, 0, 7}) || !bytes.Equal(ready[40:43], []byte{1, 2, 3}) {
		t.Fatalf("generation and boot are % x", ready[32:])
	}
}

func TestAHelloInTheStreamReplacesTheOneBefore(t *testing.T) {
	conn := dialLine(t, startLine(t))
	stale, hello := newHello(), newHello()
	conn.Write(append(append([]byte{}, stale...), hello...))
	expectReady(t, conn, stale)
	expectReady(t, conn, hello)
	expectHTTP(t, conn)
}

func TestASessionCutInMidFrameIsFollowedByAnother(t *testing.T) {
	path := startLine(t)
	for range 20 {
		conn := dialLine(t, path)
		hello := newHello()
		conn.Write(hello)
		expectReady(t, conn, hello)
		// A preface, and the head of a data frame of 100,000 bytes that never come.
		io.WriteString(conn, http2.ClientPreface)
		conn.Write([]byte{0x01, 0x86, 0xa0, 0, 0, 0, 0, 0, 1, 'x'})
		conn.Close()
	}
	conn := dialLine(t, path)
	hello := newHello()
	conn.Write(hello)
	expectReady(t, conn, hello)
	expectHTTP(t, conn)
}

func TestAfterBrokenHTTPTheSameConnectionTakesAHello(t *testing.T) {
	conn := dialLine(t, startLine(t))
	first, second := newHello(), newHello()
	conn.Write(first)
	expectReady(t, conn, first)
	io.WriteString(conn, "this is no HTTP/2 preface at all")
	time.Sleep(10 * time.Millisecond)
	conn.Write(second)
	expectReady(t, conn, second)
	expectHTTP(t, conn)
}

func TestTheClientDirectionWorksAndTellsItsEnd(t *testing.T) {
	path := filepath.Join(t.TempDir(), "host")
	line, err := ListenSocket(path)
	if err != nil {
		t.Fatal(err)
	}
	defer line.Close()
	over := make(chan string, 1)
	go Serve(line, func() Identity { return Identity{} }, func(session net.Conn) {
		client, err := NewClient(session)
		if err != nil {
			over <- err.Error()
			return
		}
		request, _ := http.NewRequest(http.MethodGet, "http://daemon/time", nil)
		response, err := client.Do(request)
		if err != nil {
			over <- err.Error()
			return
		}
		content, _ := io.ReadAll(response.Body)
		<-client.Closed()
		over <- string(content)
	})
	conn := dialLine(t, path)
	hello := newHello()
	conn.Write(hello)
	expectReady(t, conn, hello)
	go (&http2.Server{}).ServeConn(conn, &http2.ServeConnOpts{Handler: http.HandlerFunc(func(writer http.ResponseWriter, _ *http.Request) {
		io.WriteString(writer, "noon")
		time.AfterFunc(50*time.Millisecond, func() { conn.Close() })
	})})
	if seen := <-over; seen != "noon" {
		t.Fatalf("the daemon's answer was %q", seen)
	}
}
