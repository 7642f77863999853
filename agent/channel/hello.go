package channel

import (
	"bytes"
	"encoding/binary"
	"io"
)

// A session of a stream opens with a hello of fixed length, because a virtio-serial port has no session boundary: bytes
// of an ended session may still lie in it. The layout is in PROTOCOL.md.
const (
	helloBytes = 48
	magicBytes = 16
	helloMagic = "ALCOVE-HELLO-01\n"
	readyMagic = "ALCOVE-READY-01\n"
)

// Hello is what the daemon opens a session with.
type Hello struct {
	Session    [16]byte
	Generation uint64
}

// Identity is what the agent tells about itself in its answer.
type Identity struct {
	Generation uint64
	BootID     [8]byte
}

// searchHello discards bytes until a hello's magic and reads that hello. It has no deadline and no bound of its own: what
// it discards costs nothing to keep on discarding, and a stream that stays silent is waited on.
func searchHello(reader *streamReader) (Hello, error) {
	magic := []byte(helloMagic)
	for {
		window, err := reader.peek(magicBytes)
		if err != nil {
			return Hello{}, err
		}
		if bytes.Equal(window[:magicBytes], magic) {
			return readHello(reader)
		}
		reader.discard(nextCandidate(window, magic))
	}
}

// nextCandidate says how many bytes of the window cannot begin a hello.
func nextCandidate(window, magic []byte) int {
	for start := 1; start < len(window); start++ {
		offset := bytes.IndexByte(window[start:], magic[0])
		if offset < 0 {
			return len(window)
		}
		start += offset
		rest := window[start:]
		if bytes.HasPrefix(magic, rest[:min(len(rest), len(magic))]) {
			return start
		}
	}
	return len(window)
}

func readHello(reader *streamReader) (Hello, error) {
	var raw [helloBytes]byte
	if _, err := io.ReadFull(reader, raw[:]); err != nil {
		return Hello{}, err
	}
	hello := Hello{Generation: binary.BigEndian.Uint64(raw[32:40])}
	copy(hello.Session[:], raw[16:32])
	return hello, nil
}

func answer(hello Hello, identity Identity) []byte {
	raw := make([]byte, helloBytes)
	copy(raw, readyMagic)
	copy(raw[16:], hello.Session[:])
	binary.BigEndian.PutUint64(raw[32:], identity.Generation)
	copy(raw[40:], identity.BootID[:])
	return raw
}
