package exchange

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"testing"

	"alcove.dev/agent/failure"
)

func TestAContentComesWhole(t *testing.T) {
	device, daemon := openDisk(t)
	slot := claim(t, device)
	readers := map[string]func(*Content) ([]byte, error){
		"Read": func(content *Content) ([]byte, error) { return io.ReadAll(readerOnly{content}) },
		"WriteTo": func(content *Content) ([]byte, error) {
			var out bytes.Buffer
			written, err := content.WriteTo(&out)
			if err == nil && written != int64(out.Len()) {
				err = fmt.Errorf("%d bytes are said to be written, %d are", written, out.Len())
			}
			return out.Bytes(), err
		},
	}
	for name, read := range readers {
		for _, size := range sizes {
			t.Run(fmt.Sprintf("%s %d", name, size), func(t *testing.T) {
				wanted := contentOf(size)
				given := giveAll(daemon, wanted)
				content := must(slot.Content(given.lengths, given.taken))
				defer content.Close()
				if got, err := read(content); err != nil || !bytes.Equal(got, wanted) {
					t.Fatalf("%d of %d bytes came, equal: %v, %v", len(got), size, bytes.Equal(got, wanted), err)
				}
				if err := <-given.failed; err != nil {
					t.Fatal(err)
				}
				if count, err := content.Read(make([]byte, 1)); count != 0 || err != io.EOF {
					t.Fatalf("after the end came %d bytes, %v", count, err)
				}
			})
		}
	}
}

type readerOnly struct{ io.Reader }

type giving struct {
	lengths *io.PipeReader
	taken   func() error
	failed  chan error
}

// giveAll plays the daemon that uploads. As soon as a place is said to be taken it is spoiled: whoever still reads it there gets that.
func giveAll(daemon *os.File, content []byte) *giving {
	lengths, announce := io.Pipe()
	free := make(chan struct{}, PlacesPerSlot)
	for range PlacesPerSlot {
		free <- struct{}{}
	}
	given := &giving{lengths: lengths, failed: make(chan error, 1)}
	spoiled := bytes.Repeat([]byte{0xff}, PlaceBytes)
	took := 0
	given.taken = func() error {
		_, err := daemon.WriteAt(spoiled, at(took))
		took++
		free <- struct{}{}
		return err
	}
	go func() {
		for place := 0; len(content) > 0; place++ {
			<-free
			part := content[:min(PlaceBytes, len(content))]
			content = content[len(part):]
			if _, err := daemon.WriteAt(part, at(place)); err != nil {
				given.failed <- err
				return
			}
			announce.Write(binary.BigEndian.AppendUint32(nil, uint32(len(part))))
		}
		given.failed <- announce.Close()
	}()
	return given
}

func TestALengthThatNoPlaceHasIsAnError(t *testing.T) {
	device, _ := openDisk(t)
	slot := claim(t, device)
	for _, row := range []struct {
		name  string
		bytes []byte
	}{{"none", []byte{0, 0, 0, 0}}, {"one byte too many", []byte{0, 0x40, 0, 1}}, {"as large as it gets", []byte{0xff, 0xff, 0xff, 0xff}}, {"cut off", []byte{0, 0}}} {
		content := must(slot.Content(io.NopCloser(bytes.NewReader(row.bytes)), func() error { return errors.New("nothing was to be taken") }))
		for range 2 {
			if count, err := content.Read(make([]byte, 10)); count != 0 || failure.From(err).Code != failure.InvalidRequest {
				t.Errorf("%s: %d bytes came, %v", row.name, count, err)
			}
		}
		content.Close()
	}
}

func TestAClosedContentGivesNothingMore(t *testing.T) {
	device, daemon := openDisk(t)
	slot := claim(t, device)
	given := giveAll(daemon, contentOf(100))
	content := must(slot.Content(given.lengths, given.taken))
	content.Read(make([]byte, 1))
	within(t, "closing twice", func() { content.Close(); content.Close() })
	if count, err := content.Read(make([]byte, 1)); count != 0 || err == nil || err == io.EOF {
		t.Errorf("%d bytes came, %v", count, err)
	}
	if count, err := content.WriteTo(io.Discard); count != 0 || err == nil {
		t.Errorf("%d bytes came, %v", count, err)
	}
}
