package exchange

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"testing"
)

func TestAContentIsPutWhole(t *testing.T) {
	device, daemon := openDisk(t)
	slot := claim(t, device)
	writers := map[string]func(*Writer, []byte) (int64, error){
		"Write": func(writer *Writer, content []byte) (int64, error) {
			written := 0
			// Pieces that do not divide a place.
			for len(content) > 0 {
				count, err := writer.Write(content[:min(1_000_003, len(content))])
				if written += count; err != nil {
					return int64(written), err
				}
				content = content[count:]
			}
			return int64(written), nil
		},
		"Write of all": func(writer *Writer, content []byte) (int64, error) {
			return io.Copy(writerOnly{writer}, bytes.NewReader(content))
		},
		"ReadFrom":      func(writer *Writer, content []byte) (int64, error) { return writer.ReadFrom(bytes.NewReader(content)) },
		"ReadFrom odd":  func(writer *Writer, content []byte) (int64, error) { return writer.ReadFrom(oddly(content)) },
		"ReadFrom late": func(writer *Writer, content []byte) (int64, error) { return writer.ReadFrom(&lateEnd{content}) },
	}
	for name, write := range writers {
		for _, size := range sizes {
			t.Run(fmt.Sprintf("%s %d", name, size), func(t *testing.T) {
				wanted := contentOf(size)
				fetched := newFetching(daemon)
				writer := must(slot.Writer(fetched.announce, fetched.freed))
				defer writer.Close()
				if count, err := write(writer, wanted); err != nil || count != int64(size) {
					t.Fatalf("%d of %d bytes were taken, %v", count, size, err)
				}
				if err := writer.Finish(); err != nil {
					t.Fatal(err)
				}
				if !fetched.isWhole || !bytes.Equal(fetched.content, wanted) {
					t.Fatalf("%d of %d bytes came, equal: %v, with an end: %v", len(fetched.content), size, bytes.Equal(fetched.content, wanted), fetched.isWhole)
				}
			})
		}
	}
}

type writerOnly struct{ io.Writer }

// oddly gives a content in pieces that do not divide a place.
func oddly(content []byte) io.Reader {
	var pieces []io.Reader
	for len(content) > 0 {
		count := min(777_777, len(content))
		pieces, content = append(pieces, bytes.NewReader(content[:count])), content[count:]
	}
	return io.MultiReader(pieces...)
}

// lateEnd tells its end together with its last bytes.
type lateEnd struct{ content []byte }

func (l *lateEnd) Read(into []byte) (int, error) {
	count := copy(into, l.content)
	if l.content = l.content[count:]; len(l.content) == 0 {
		return count, io.EOF
	}
	return count, nil
}

// fetching plays the daemon that downloads: it fetches a place only when the agent waits for one, so as late as it can.
type fetching struct {
	daemon  *os.File
	lengths []int
	fetched int
	content []byte
	isWhole bool
	freed   io.ReadCloser
}

func newFetching(daemon *os.File) *fetching {
	fetched := &fetching{daemon: daemon}
	fetched.freed = &freeing{fetched}
	return fetched
}

func (f *fetching) announce(header []byte) error {
	switch length := int(binary.BigEndian.Uint32(header)); {
	case f.isWhole:
		return errors.New("more is announced after the end")
	case length == 0:
		f.isWhole = true
	case len(f.lengths) >= f.fetched+PlacesPerSlot:
		return fmt.Errorf("the part %d is announced, and only %d were fetched", len(f.lengths), f.fetched)
	case len(f.lengths) > 0 && f.lengths[len(f.lengths)-1] != PlaceBytes:
		return errors.New("a part follows one that is not whole")
	default:
		f.lengths = append(f.lengths, length)
	}
	return nil
}

type freeing struct{ of *fetching }

// Read fetches one place, or the rest when all is announced.
func (r *freeing) Read(into []byte) (int, error) {
	f := r.of
	if f.fetched == len(f.lengths) {
		return 0, io.EOF
	}
	part := make([]byte, f.lengths[f.fetched])
	if _, err := f.daemon.ReadAt(part, at(f.fetched)); err != nil {
		return 0, err
	}
	f.fetched++
	f.content = append(f.content, part...)
	into[0] = 1
	return 1, nil
}

func (r *freeing) Close() error { return nil }
