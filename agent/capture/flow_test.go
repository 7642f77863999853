package capture

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"runtime"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

func isReset(err error) bool { return errors.Is(err, syscall.ECONNRESET) }

func TestAConnectionIsCarriedBothWaysToItsDestination(t *testing.T) {
	c := New()
	asked := make(chan string, 1)
	join(t, c, func(writer http.ResponseWriter, request *http.Request) {
		asked <- request.Method + " " + request.URL.Path + " " + request.Header.Get("X-Alcove-Destination")
		echo(writer, request)
	})
	conn := program(t, c)
	sent := make([]byte, 5<<20)
	rand.Read(sent)
	go func() {
		conn.Write(sent)
		conn.CloseWrite()
	}()
	if got, err := io.ReadAll(conn); err != nil || !bytes.Equal(got, sent) {
		t.Fatalf("%d bytes came back, %v", len(got), err)
	}
	if call := <-asked; call != "POST /connections 203.0.113.5:443" {
		t.Fatal(call)
	}
}

func TestWhatTheGatewayResetsOrRefusesIsResetForTheProgram(t *testing.T) {
	for _, serve := range []http.HandlerFunc{
		func(writer http.ResponseWriter, _ *http.Request) { duplex(writer); panic(http.ErrAbortHandler) },
		func(writer http.ResponseWriter, _ *http.Request) { writer.WriteHeader(http.StatusForbidden) },
		func(writer http.ResponseWriter, _ *http.Request) { writer.WriteHeader(http.StatusServiceUnavailable) },
		func(writer http.ResponseWriter, _ *http.Request) { writer.WriteHeader(http.StatusNotFound) },
	} {
		c := New()
		join(t, c, serve)
		expectReset(t, program(t, c))
		expectReset(t, program(t, c))
	}
}

func TestAProgramThatResetsHasItsStreamReset(t *testing.T) {
	for what, before := range map[string]func(*net.TCPConn){
		"at once":               func(*net.TCPConn) {},
		"after its end of data": func(conn *net.TCPConn) { conn.CloseWrite(); time.Sleep(50 * time.Millisecond) },
		"with data on the way":  func(conn *net.TCPConn) { conn.Write(make([]byte, 1000)); time.Sleep(50 * time.Millisecond) },
	} {
		c := New()
		gone, taken := make(chan struct{}, 1), make(chan struct{}, 1)
		silent := takeSilently(gone)
		join(t, c, func(writer http.ResponseWriter, request *http.Request) {
			taken <- struct{}{}
			silent(writer, request)
		})
		conn := program(t, c)
		<-taken
		before(conn)
		conn.SetLinger(0)
		conn.Close()
		expect(t, "the reset "+what, gone)
	}
}

func TestTheEndOfASessionOrOfALifeResetsItsConnections(t *testing.T) {
	c := New()
	var taken atomic.Int32
	lose := join(t, c, func(writer http.ResponseWriter, request *http.Request) {
		taken.Add(1)
		echo(writer, request)
	})
	carried := func() *net.TCPConn {
		conn := program(t, c)
		conn.Write([]byte("x"))
		io.ReadFull(conn, make([]byte, 1))
		return conn
	}
	conn := carried()
	c.EndConnections()
	expectReset(t, conn)
	conn = carried()
	lose()
	expectReset(t, conn)
	if taken.Load() != 2 {
		t.Fatal(taken.Load())
	}
}

func TestAConnectionThatWasNotAnsweredIsOfferedToTheNextSession(t *testing.T) {
	c := New()
	conn := program(t, c)
	conn.Write([]byte("early"))
	offered := make(chan struct{}, 1)
	var leaked atomic.Int64
	lose := join(t, c, func(_ http.ResponseWriter, request *http.Request) {
		offered <- struct{}{}
		count, _ := io.Copy(io.Discard, request.Body)
		leaked.Store(count)
	})
	expect(t, "the first offer", offered)
	lose()
	join(t, c, echo)
	conn.CloseWrite()
	if got, err := io.ReadAll(conn); err != nil || string(got) != "early" {
		t.Fatal(string(got), err)
	}
	if leaked.Load() > 0 {
		t.Fatal("something was sent before the connection was taken")
	}
}

func TestNeitherSideIsSentMoreThanItReads(t *testing.T) {
	c := New()
	var written atomic.Int64
	join(t, c, func(writer http.ResponseWriter, request *http.Request) {
		write := duplex(writer)
		piece := make([]byte, 64<<10)
		for write(piece) == nil {
			written.Add(int64(len(piece)))
		}
	})
	conn := program(t, c)
	settled := stall(&written)
	if settled == 0 || settled > 32<<20 {
		t.Fatalf("%d bytes were taken for a program that reads nothing", settled)
	}
	io.CopyN(io.Discard, conn, settled)
	if stall(&written) <= settled {
		t.Fatal("it does not go on")
	}
	conn.Close()

	unread := New()
	join(t, unread, takeSilently(make(chan struct{}, 1)))
	writing := program(t, unread)
	var sent atomic.Int64
	go func() {
		for piece := make([]byte, 64<<10); ; sent.Add(int64(len(piece))) {
			if _, err := writing.Write(piece); err != nil {
				return
			}
		}
	}()
	if settled := stall(&sent); settled > 32<<20 {
		t.Fatalf("%d bytes were taken for a gateway that reads nothing", settled)
	}
}

// stall waits until a number grows no more.
func stall(number *atomic.Int64) int64 {
	for last, same := number.Load(), 0; ; {
		time.Sleep(50 * time.Millisecond)
		if now := number.Load(); now != last {
			last, same = now, 0
		} else if same++; same == 10 {
			return now
		}
	}
}

func TestAThousandConnectionsAreOpenAtOnceAndLeaveNothing(t *testing.T) {
	c := New()
	join(t, c, echo)
	program(t, c).Close()
	time.Sleep(100 * time.Millisecond)
	before, memory := runtime.NumGoroutine(), memoryInUse()
	conns := make([]*net.TCPConn, mostStreams)
	for index := range conns {
		conns[index] = program(t, c)
		conns[index].Write([]byte("x"))
	}
	for _, conn := range conns {
		if _, err := io.ReadFull(conn, make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d goroutines and %d bytes for a connection, both sides of it", (runtime.NumGoroutine()-before)/mostStreams, (memoryInUse()-memory)/mostStreams)
	waiting := program(t, c)
	waiting.Write([]byte("w"))
	for _, conn := range conns {
		conn.Close()
	}
	if _, err := io.ReadFull(waiting, make([]byte, 1)); err != nil {
		t.Fatal("the one that waited for a stream got none:", err)
	}
	waiting.Close()
	isOver := func() bool { return runtime.NumGoroutine() <= before+5 && len(c.held) == 0 && len(c.streams) == 0 }
	for deadline := time.Now().Add(20 * time.Second); !isOver(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d goroutines before, %d after; %d connections held", before, runtime.NumGoroutine(), len(c.held))
		}
	}
}

func TestNothingHoldsAConnectionThatIsOver(t *testing.T) {
	life, end := context.WithCancel(context.Background())
	freed := make(chan struct{})
	func() {
		f := &flow{end: end}
		runtime.SetFinalizer(f, func(*flow) { close(freed) })
		body := f.request(life, netip.AddrPort{}).Body.(*upload)
		body.begin()
		body.Close()
	}()
	end()
	for deadline := time.Now().Add(patience / 2); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		runtime.GC()
		select {
		case <-freed:
			return
		default:
		}
	}
	t.Fatal("what waits for it to be over for long holds it still")
}

func memoryInUse() int64 {
	runtime.GC()
	var figures runtime.MemStats
	runtime.ReadMemStats(&figures)
	return int64(figures.HeapInuse + figures.StackInuse)
}

func TestWhatCameBeforeTheDaemonGaveUpIsDeliveredWhole(t *testing.T) {
	content := bytes.Repeat([]byte("x"), 48<<10)
	c := New()
	// Its body is not read: the stream is ended, and reset at once.
	join(t, c, func(writer http.ResponseWriter, _ *http.Request) { duplex(writer)(content) })
	for range 200 {
		conn := program(t, c)
		got, err := io.ReadAll(conn)
		if err != nil && !isReset(err) || len(got) != len(content) {
			t.Fatalf("%d of %d bytes came: %v", len(got), len(content), err)
		}
		conn.Close()
	}
}
