package capture

import (
	"bytes"
	"io"
	"net"
	"path/filepath"
	"testing"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"alcove.dev/agent/channel"
)

// Go's own server cannot end its direction of a stream while it still reads.
func TestTheGatewayMayEndItsDirectionFirst(t *testing.T) {
	c := New()
	ours, theirs := pair(t, "unix", filepath.Join(t.TempDir(), "host"))
	endings := make(chan string, 16)
	go endFirst(theirs, endings)
	client, err := channel.NewClient(ours)
	must(t, err)
	c.Use(client)
	for range 100 {
		conn := program(t, c)
		if first, err := io.ReadAll(conn); err != nil || string(first) != "first" {
			t.Fatal(string(first), err)
		}
		conn.Write([]byte("then"))
		conn.Close()
		if ending := <-endings; ending != "then, its end" {
			t.Fatalf("the gateway saw %s", ending)
		}
	}
}

// endFirst is a gateway that ends its direction of each stream at once, and tells what comes on it then.
func endFirst(conn net.Conn, endings chan<- string) {
	io.ReadFull(conn, make([]byte, len(http2.ClientPreface)))
	framer := http2.NewFramer(conn, conn)
	framer.WriteSettings(http2.Setting{ID: http2.SettingMaxConcurrentStreams, Val: 1024})
	var head bytes.Buffer
	hpack.NewEncoder(&head).WriteField(hpack.HeaderField{Name: ":status", Value: "200"})
	seen := ""
	for {
		frame, err := framer.ReadFrame()
		if err != nil {
			return
		}
		switch frame := frame.(type) {
		case *http2.SettingsFrame:
			if !frame.IsAck() {
				framer.WriteSettingsAck()
			}
		case *http2.HeadersFrame:
			seen = ""
			framer.WriteHeaders(http2.HeadersFrameParam{StreamID: frame.StreamID, BlockFragment: head.Bytes(), EndHeaders: true})
			framer.WriteData(frame.StreamID, true, []byte("first"))
		case *http2.DataFrame:
			if seen += string(frame.Data()); frame.StreamEnded() {
				endings <- seen + ", its end"
			}
		case *http2.RSTStreamFrame:
			endings <- seen + ", reset"
		}
	}
}
