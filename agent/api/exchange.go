package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"sync"
	"time"

	"alcove.dev/agent/exchange"
	"alcove.dev/agent/failure"
	"alcove.dev/agent/files"
)

// What an upload's answer is made of when its content comes through the exchange.
const (
	placeFree      = 1
	uploadDone     = 2
	uploadRefused  = 3
	exchangeHeader = "X-Alcove-Exchange"
	exchangeTaken  = "taken"
)

// exchangeFrom is how much a download must bring to go through the exchange.
const exchangeFrom = 256 << 10

// slotPatience is how long a call waits until the one before has left its slot: one that was given up may hang in a file system for ever.
var slotPatience = 5 * time.Second

var errSlotTaken = failure.New(failure.InternalError, "A call that was given up hangs, and still has its slot for exchange.")

// slotOf claims the slot that a call names; nil when it names none.
func (s *Server) slotOf(request *http.Request, query *query) (*exchange.Slot, error) {
	if query.text("exchange") == "" {
		return nil, nil
	}
	number := query.number("exchange", 0)
	if query.err != nil {
		return nil, query.err
	}
	device := s.Machine.Exchange()
	if device == nil || number >= exchange.Slots {
		return nil, failure.New(failure.InvalidRequest, "There is no slot %d for exchange here.", number)
	}
	patient, stop := context.WithTimeout(request.Context(), slotPatience)
	defer stop()
	slot, err := device.Claim(patient, int(number))
	if errors.Is(err, context.DeadlineExceeded) {
		err = errSlotTaken
	}
	return slot, err
}

// receive gives take what an upload brings, in the request's body or through the exchange, and answers with what it makes of it.
func (s *Server) receive(writer http.ResponseWriter, request *http.Request, query *query, take func(io.Reader) (any, error)) error {
	slot, err := s.slotOf(request, query)
	if err == errSlotTaken {
		writer.Header().Set(exchangeHeader, exchangeTaken)
	}
	if err != nil {
		return err
	}
	if slot == nil {
		result, err := take(request.Body)
		if err == nil {
			respond(writer, http.StatusOK, result)
		}
		return err
	}
	defer slot.Release()
	asBytes(writer)
	answer := newFlushed(writer)
	content, err := slot.Content(request.Body, func() error { return answer.send([]byte{placeFree}) })
	if err != nil {
		return err
	}
	defer content.Close()
	if err := answer.send(bytes.Repeat([]byte{placeFree}, exchange.PlacesPerSlot)); err != nil {
		return err
	}
	result, err := take(content)
	// What is still read ahead may say that a place is free: not while the answer is written.
	content.Close()
	if err != nil {
		return answer.end(uploadRefused, failure.From(err))
	}
	return answer.end(uploadDone, result)
}

// sendFile sends a file, through the exchange where the call names a slot and the file is worth it.
func (s *Server) sendFile(writer http.ResponseWriter, request *http.Request, query *query, file *files.Readable) error {
	if file.Left() < exchangeFrom {
		return file.CopyTo(writer)
	}
	return s.send(writer, request, query, func(to io.Writer) error {
		if _, throughExchange := to.(io.ReaderFrom); throughExchange {
			file.Direct()
		}
		return file.CopyTo(to)
	})
}

// send has copyTo write a download's content, into the answer's body or into the exchange.
func (s *Server) send(writer http.ResponseWriter, request *http.Request, query *query, copyTo func(io.Writer) error) error {
	slot, err := s.slotOf(request, query)
	if err == errSlotTaken || err == nil && slot == nil {
		return copyTo(writer)
	}
	if err != nil {
		return err
	}
	defer slot.Release()
	answer := newFlushed(writer)
	places, err := slot.Writer(answer.send, request.Body)
	if err != nil {
		return err
	}
	defer places.Close()
	writer.Header().Set(exchangeHeader, "true")
	// The head goes before the first place is full, which takes its time where an archive is of many small files.
	if err := answer.send(nil); err != nil {
		return err
	}
	if err := copyTo(places); err != nil {
		return err
	}
	return places.Finish()
}

// flushed sends each piece of an answer at once, whoever has one.
type flushed struct {
	sending    sync.Mutex
	writer     http.ResponseWriter
	controller *http.ResponseController
}

func newFlushed(writer http.ResponseWriter) *flushed {
	return &flushed{writer: writer, controller: http.NewResponseController(writer)}
}

func (f *flushed) send(piece []byte) error {
	f.sending.Lock()
	defer f.sending.Unlock()
	if _, err := f.writer.Write(piece); err != nil {
		return err
	}
	return f.controller.Flush()
}

func (f *flushed) end(kind byte, result any) error {
	content, err := json.Marshal(result)
	if err != nil {
		return err
	}
	return f.send(append([]byte{kind}, content...))
}
