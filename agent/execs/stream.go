package execs

import (
	"context"
	"io"
	"sync"
	"time"
)

// holdTime is how long first frames wait for company: a command that is over at once goes out in one message.
var holdTime = 4 * time.Millisecond

var frameBuffers = sync.Pool{New: func() any {
	buffer := make([]byte, 0, 4<<10)
	return &buffer
}}

// Stream writes the exec's output from an offset on as frames, until the exec has ended or the reader has gone. flush
// sends what was written.
func (e *Exec) Stream(ctx context.Context, from int64, writer io.Writer, flush func() error) error {
	return e.stream(ctx, e.reader(from), writer, flush)
}

// Log is Stream for one who looks on: the process never waits for it, and it is told when output was read.
func (e *Exec) Log(ctx context.Context, from int64, writer io.Writer, flush func() error) error {
	return e.stream(ctx, e.journal.look(from), writer, flush)
}

func (e *Exec) stream(ctx context.Context, reader *Reader, writer io.Writer, flush func() error) error {
	defer reader.close()
	buffer := frameBuffers.Get().(*[]byte)
	defer frameBuffers.Put(buffer)
	frames := appendStatus((*buffer)[:0], KindStatus, e.Status())
	defer func() {
		if cap(frames) <= 2*batchBytes {
			*buffer = frames[:0]
		}
	}()
	holdUntil := time.Now().Add(holdTime)
	for {
		var seen progress
		frames, seen = reader.next(ctx, frames, patience(frames, holdUntil))
		switch {
		case seen == stopped:
			return ctx.Err()
		case seen == done:
			frames = appendStatus(frames, KindEnd, e.Status())
			_, err := writer.Write(frames)
			return err
		case seen == more && len(frames) < readBytes && time.Now().Before(holdUntil):
			continue
		}
		if err := send(frames, writer, flush); err != nil {
			return err
		}
		frames = frames[:0]
	}
}

// patience is how long to wait for output, as next understands it: without end only where nothing waits to be sent.
func patience(frames []byte, holdUntil time.Time) time.Duration {
	if len(frames) == 0 {
		return 0
	}
	return max(time.Nanosecond, time.Until(holdUntil))
}

// reader is the one that was attached before the process began, where that is still free.
func (e *Exec) reader(from int64) *Reader {
	e.mutex.Lock()
	defer e.mutex.Unlock()
	attached := e.attached
	if attached == nil || from != 0 {
		return e.journal.read(from)
	}
	e.attached = nil
	return attached
}

func send(frames []byte, writer io.Writer, flush func() error) error {
	if len(frames) == 0 {
		return nil
	}
	if _, err := writer.Write(frames); err != nil {
		return err
	}
	return flush()
}
