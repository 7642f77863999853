package channel

import "io"

const readerBytes = 64 << 10

// streamReader buffers small reads of a stream and passes large ones through. Unlike bufio.Reader it shows all that it
// has, so that the search for a hello runs over whole windows, and what is left over survives the end of a session.
type streamReader struct {
	source     io.Reader
	buffer     []byte
	start, end int
}

func newStreamReader(source io.Reader) *streamReader {
	return &streamReader{source: source, buffer: make([]byte, readerBytes)}
}

func (r *streamReader) Read(into []byte) (int, error) {
	if r.start == r.end {
		if len(into) >= len(r.buffer)/4 {
			return r.source.Read(into)
		}
		if err := r.fill(); err != nil {
			return 0, err
		}
	}
	count := copy(into, r.buffer[r.start:r.end])
	r.start += count
	return count, nil
}

// peek returns everything that is buffered, at least count bytes.
func (r *streamReader) peek(count int) ([]byte, error) {
	for r.end-r.start < count {
		if err := r.fill(); err != nil {
			return nil, err
		}
	}
	return r.buffer[r.start:r.end], nil
}

func (r *streamReader) discard(count int) { r.start += count }

// reset forgets what is buffered: the stream behind it has begun anew.
func (r *streamReader) reset() { r.start, r.end = 0, 0 }

func (r *streamReader) fill() error {
	if r.start == r.end {
		r.reset()
	} else if r.start > 0 {
		r.end = copy(r.buffer, r.buffer[r.start:r.end])
		r.start = 0
	}
	count, err := r.source.Read(r.buffer[r.end:])
	r.end += count
	if count > 0 {
		return nil
	}
	if err == nil {
		err = io.ErrNoProgress
	}
	return err
}
