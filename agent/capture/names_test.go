package capture

import (
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// question asks for the address of a name; with a size, how long an answer may be.
func question(t *testing.T, name string, size int) []byte {
	t.Helper()
	builder := dnsmessage.NewBuilder(nil, dnsmessage.Header{ID: 7, RecursionDesired: true})
	must(t, builder.StartQuestions())
	must(t, builder.Question(dnsmessage.Question{Name: dnsmessage.MustNewName(name), Type: dnsmessage.TypeA, Class: dnsmessage.ClassINET}))
	if size > 0 {
		must(t, builder.StartAdditionals())
		var header dnsmessage.ResourceHeader
		must(t, header.SetEDNS0(size, dnsmessage.RCodeSuccess, false))
		must(t, builder.OPTResource(header, dnsmessage.OPTResource{}))
	}
	message, err := builder.Finish()
	must(t, err)
	return message
}

// answered is an answer to a question, made longer by so many addresses.
func answered(t *testing.T, asked []byte, addresses int) []byte {
	t.Helper()
	var parsed dnsmessage.Message
	must(t, parsed.Unpack(asked))
	parsed.Additionals, parsed.Response = nil, true
	for range addresses {
		header := dnsmessage.ResourceHeader{Name: parsed.Questions[0].Name, Class: dnsmessage.ClassINET}
		parsed.Answers = append(parsed.Answers, dnsmessage.Resource{Header: header, Body: &dnsmessage.AResource{A: [4]byte{198, 18, 0, 1}}})
	}
	message, err := parsed.Pack()
	must(t, err)
	return message
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// resolver answers questions over loopback as the agent does over its port.
func resolver(t *testing.T, c *Capture, network string) net.Conn {
	t.Helper()
	if network == "tcp" {
		ours, taken := pair(t, "tcp", "127.0.0.1:0")
		c.takeQuestions(taken.(*net.TCPConn))
		return ours
	}
	socket, err := listenDatagrams("udp4", 0)
	must(t, err)
	go c.readQuestions(socket)
	conn, err := net.Dial("udp4", socket.LocalAddr().String())
	must(t, err)
	t.Cleanup(func() { conn.Close(); socket.Close() })
	return conn
}

func TestADatagramGetsNoMoreThanItsAskerTakes(t *testing.T) {
	c := New()
	join(t, c, func(writer http.ResponseWriter, request *http.Request) {
		asked, _ := io.ReadAll(request.Body)
		if request.URL.Path != "/dns" || request.Header.Get("X-Alcove-Protocol") != "udp" {
			writer.WriteHeader(http.StatusBadRequest)
		}
		writer.Write(answered(t, asked, 60))
	})
	conn := resolver(t, c, "udp")
	for size, isCut := range map[int]bool{0: true, 600: true, 1232: false, 4096: false} {
		conn.Write(question(t, "example.com.", size))
		conn.SetReadDeadline(time.Now().Add(10 * time.Second))
		answer := make([]byte, largestMessage)
		count, err := conn.Read(answer)
		must(t, err)
		var got dnsmessage.Message
		must(t, got.Unpack(answer[:count]))
		if got.ID != 7 || !got.Response || got.Truncated != isCut || (len(got.Answers) == 0) != isCut || len(got.Questions) != 1 || isCut && count > 512 {
			t.Errorf("of %d bytes: %d bytes, %v", size, count, got.Header)
		}
	}
}

func TestOverAConnectionAnyNumberOfQuestionsIsAnsweredWhole(t *testing.T) {
	c := New()
	join(t, c, func(writer http.ResponseWriter, request *http.Request) {
		asked, _ := io.ReadAll(request.Body)
		writer.Write(answered(t, asked, 1000))
	})
	conn := resolver(t, c, "tcp")
	asked := question(t, "example.com.", 0)
	framed := append(binary.BigEndian.AppendUint16(nil, uint16(len(asked))), asked...)
	go func() {
		for _, each := range append(framed, framed...) {
			conn.Write([]byte{each})
		}
	}()
	for range 2 {
		var length [2]byte
		_, err := io.ReadFull(conn, length[:])
		must(t, err)
		answer := make([]byte, binary.BigEndian.Uint16(length[:]))
		_, err = io.ReadFull(conn, answer)
		must(t, err)
		var got dnsmessage.Message
		if err := got.Unpack(answer); err != nil || len(got.Answers) != 1000 {
			t.Fatal(len(got.Answers), err)
		}
	}
	conn.Write([]byte{0xff, 0xff})
	if _, err := io.ReadAll(conn); err != nil && !isReset(err) {
		t.Fatal(err)
	}
}

func TestAQuestionThatTheGatewayDoesNotAnswerHasFailed(t *testing.T) {
	for status, content := range map[int]string{http.StatusNotFound: "", http.StatusTooManyRequests: "", http.StatusOK: "short"} {
		c := New()
		join(t, c, func(writer http.ResponseWriter, _ *http.Request) {
			writer.WriteHeader(status)
			io.WriteString(writer, content)
		})
		conn := resolver(t, c, "udp")
		conn.Write([]byte("no question at all"))
		conn.Write(question(t, "example.com.", 1232))
		conn.SetReadDeadline(time.Now().Add(10 * time.Second))
		answer := make([]byte, 512)
		count, err := conn.Read(answer)
		must(t, err)
		var got dnsmessage.Message
		must(t, got.Unpack(answer[:count]))
		if got.RCode != dnsmessage.RCodeServerFailure || got.ID != 7 || !got.Response || !got.RecursionDesired || got.Questions[0].Name.String() != "example.com." {
			t.Fatal(got.GoString())
		}
	}
}

func TestAQuestionWaitsForASession(t *testing.T) {
	c := New()
	conn := resolver(t, c, "udp")
	conn.Write(question(t, "example.com.", 0))
	lose := join(t, c, func(_ http.ResponseWriter, request *http.Request) { <-request.Context().Done() })
	time.Sleep(50 * time.Millisecond)
	lose()
	join(t, c, func(writer http.ResponseWriter, request *http.Request) {
		asked, _ := io.ReadAll(request.Body)
		writer.Write(answered(t, asked, 1))
	})
	conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	answer := make([]byte, 512)
	count, err := conn.Read(answer)
	must(t, err)
	var got dnsmessage.Message
	if err := got.Unpack(answer[:count]); err != nil || len(got.Answers) != 1 {
		t.Fatal(got.GoString(), err)
	}
}

func FuzzAnyMessage(f *testing.F) {
	f.Add([]byte(strings.Repeat("\xc0\x0c", 40)))
	f.Add(question(&testing.T{}, "example.com.", 1232))
	f.Fuzz(func(t *testing.T, message []byte) {
		if limit := datagramLimit(message); limit < smallestDatagram || limit > largestDatagram {
			t.Error(limit)
		}
		if failed := serverFailure(message); len(failed) > len(message)+smallestDatagram {
			t.Error(len(failed))
		}
		if cut := fitted(message, smallestDatagram); len(cut) > max(len(message), smallestDatagram) {
			t.Error(len(cut))
		}
	})
}
