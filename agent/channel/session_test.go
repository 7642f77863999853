package channel

import (
	"io"
	"testing"
	"time"
)

// deadlineLine keeps the deadline that was set last, and lets a test hold up the one who sets it.
type deadlineLine struct {
	Line
	entered chan struct{}
	goOn    chan struct{}
	read    time.Time
}

func (l *deadlineLine) SetReadDeadline(moment time.Time) error {
	if !moment.IsZero() {
		l.entered <- struct{}{}
		<-l.goOn
	}
	l.read = moment
	return nil
}

func (l *deadlineLine) SetWriteDeadline(time.Time) error { return nil }

func TestALineIsUsableAfterASessionThatTwoEndAtOnce(t *testing.T) {
	line := &deadlineLine{entered: make(chan struct{}), goOn: make(chan struct{})}
	ending := newSession(line, newStreamReader(io.MultiReader()))
	closed, finished := make(chan struct{}), make(chan struct{})
	go func() {
		ending.Close()
		close(closed)
	}()
	<-line.entered
	go func() {
		ending.finish()
		close(finished)
	}()
	select {
	case <-finished:
		t.Error("it was finished while somebody still closed it")
	case <-time.After(50 * time.Millisecond):
	}
	close(line.goOn)
	<-closed
	<-finished
	if !line.read.IsZero() {
		t.Errorf("reads of the next session fail: their deadline is %v", line.read)
	}
}
