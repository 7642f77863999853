package api

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"alcove.dev/agent/exchange"
	"alcove.dev/agent/failure"
)

// exchanging is a machine that has a disk for exchange and nothing else.
type exchanging struct {
	Machine
	device *exchange.Device
}

func (e exchanging) Exchange() *exchange.Device { return e.device }

func serverWithExchange(t *testing.T) *Server {
	t.Helper()
	path := filepath.Join(t.TempDir(), "disk")
	os.WriteFile(path, nil, 0o600)
	if err := os.Truncate(path, exchange.Slots*exchange.PlacesPerSlot*exchange.PlaceBytes); err != nil {
		t.Fatal(err)
	}
	device, err := exchange.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	return &Server{Machine: exchanging{device: device}}
}

// What is read ahead says that a place is free: a byte that would spoil the answer, if it came after it.
func TestNothingIsSaidAfterARefusal(t *testing.T) {
	server := serverWithExchange(t)
	lengths, fill := io.Pipe()
	request := httptest.NewRequest("PUT", "/files?exchange=0", lengths)
	asked, err := queryOf(request, "exchange")
	if err != nil {
		t.Fatal(err)
	}
	answer := &watched{ResponseRecorder: httptest.NewRecorder(), on: map[byte]func(){
		placeFree:     func() { go fill.Write([]byte{0, 0, 0, 1}) },
		uploadRefused: func() { fill.Write([]byte{0, 0, 0, 1}) },
	}}
	err = server.receive(answer, request, asked, func(content io.Reader) (any, error) {
		content.Read(make([]byte, 1))
		return nil, failure.New(failure.DiskFull, "It is full.")
	})
	if err != nil {
		t.Fatal(err)
	}
	wanted := "\x01\x01\x01\x01\x01\x03" + `{"code":"DiskFull","message":"It is full."}`
	if got := answer.Body.String(); got != wanted {
		t.Fatalf("answered %q", got)
	}
}

// watched is an answer that does something when a piece of a kind is first written.
type watched struct {
	*httptest.ResponseRecorder
	on map[byte]func()
}

func (w *watched) Write(piece []byte) (int, error) {
	if len(piece) == 0 {
		return w.ResponseRecorder.Write(piece)
	}
	if do := w.on[piece[0]]; do != nil {
		w.on[piece[0]] = nil
		do()
	}
	return w.ResponseRecorder.Write(piece)
}

func TestASlotThatIsNotThereIsRefused(t *testing.T) {
	server := serverWithExchange(t)
	for _, slot := range []string{"4", "-1", "x", "1e0", "99999999999999999999"} {
		request := httptest.NewRequest("PUT", "/files?exchange="+slot, http.NoBody)
		asked, err := queryOf(request, "exchange")
		if err != nil {
			t.Fatal(err)
		}
		err = server.receive(httptest.NewRecorder(), request, asked, func(io.Reader) (any, error) { return nil, nil })
		if failure.From(err).Code != failure.InvalidRequest {
			t.Errorf("slot %s: %v", slot, err)
		}
	}
}

// A call that hangs in a file system may be given up by the daemon, and keeps its slot; the daemon gives it to the next call.
func TestASlotThatIsNotLeftStopsNobody(t *testing.T) {
	defer func(patience time.Duration) { slotPatience = patience }(slotPatience)
	slotPatience = 10 * time.Millisecond
	server := serverWithExchange(t)
	if _, err := server.Machine.Exchange().Claim(context.Background(), 1); err != nil {
		t.Fatal(err)
	}
	request := httptest.NewRequest("GET", "/files?exchange=1", http.NoBody)
	asked, err := queryOf(request, "exchange")
	if err != nil {
		t.Fatal(err)
	}
	answer := httptest.NewRecorder()
	err = server.send(answer, request, asked, func(to io.Writer) error {
		_, err := to.Write([]byte("content"))
		return err
	})
	if err != nil || answer.Body.String() != "content" || answer.Header().Get(exchangeHeader) != "" {
		t.Errorf("the download answered %q, %v, %v", answer.Body.String(), answer.Header(), err)
	}
	refused := httptest.NewRecorder()
	err = server.receive(refused, request, asked, func(io.Reader) (any, error) { return nil, nil })
	if err != errSlotTaken || refused.Header().Get(exchangeHeader) != exchangeTaken {
		t.Errorf("the upload answered %v, %v", err, refused.Header())
	}
}

func TestTheHeadOfADownloadDoesNotWaitForItsContent(t *testing.T) {
	server := serverWithExchange(t)
	request := httptest.NewRequest("GET", "/files?exchange=1", strings.NewReader("\x01"))
	asked, err := queryOf(request, "exchange")
	if err != nil {
		t.Fatal(err)
	}
	answer := httptest.NewRecorder()
	err = server.send(answer, request, asked, func(to io.Writer) error {
		if !answer.Flushed || answer.Header().Get(exchangeHeader) != "true" {
			t.Error("nothing was sent yet")
		}
		_, err := to.Write([]byte("content"))
		return err
	})
	if err != nil || answer.Body.String() != "\x00\x00\x00\x07\x00\x00\x00\x00" {
		t.Fatalf("answered %q, %v", answer.Body.String(), err)
	}
}
