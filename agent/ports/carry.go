package ports

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
)

// Kinds of what an answer is made of: 1 byte kind and 3 bytes big-endian, a length or a number.
const (
	frameData  = 1 // so many bytes of the program's follow
	frameEnd   = 2 // the program has ended its direction
	frameTaken = 3 // so many bytes of the daemon's were taken by the program
)

const (
	frameHead = 4
	pieceSize = 32 << 10
	// takenFrom is how much is taken before it is told.
	takenFrom = 16 << 10
)

// Carry moves bytes between the daemon and a program until both directions have ended, or one has failed. What send is given is whole frames;
// it is called from two goroutines.
func Carry(conn *net.TCPConn, fromDaemon io.Reader, send func([]byte) error) error {
	sent := make(chan error, 1)
	go func() {
		err := toProgram(conn, fromDaemon, send)
		if err != nil {
			// What the daemon gave up never looks whole to the program.
			conn.SetLinger(0)
			conn.Close()
		}
		sent <- err
	}()
	if err := toDaemon(conn, send); err != nil {
		conn.Close()
		return err
	}
	return <-sent
}

func toDaemon(conn *net.TCPConn, send func([]byte) error) error {
	frame := make([]byte, frameHead+pieceSize)
	for {
		read, err := conn.Read(frame[frameHead:])
		if read > 0 {
			head(frame, frameData, read)
			if failed := send(frame[:frameHead+read]); failed != nil {
				return failed
			}
		}
		if errors.Is(err, io.EOF) {
			return send(head(make([]byte, frameHead), frameEnd, 0))
		}
		if err != nil {
			return err
		}
	}
}

func toProgram(conn *net.TCPConn, fromDaemon io.Reader, send func([]byte) error) error {
	piece := make([]byte, pieceSize)
	untold := 0
	for {
		read, err := fromDaemon.Read(piece)
		if read > 0 {
			if _, failed := conn.Write(piece[:read]); failed != nil {
				return failed
			}
			if untold += read; untold >= takenFrom {
				if failed := send(head(make([]byte, frameHead), frameTaken, untold)); failed != nil {
					return failed
				}
				untold = 0
			}
		}
		if errors.Is(err, io.EOF) {
			return conn.CloseWrite()
		}
		if err != nil {
			return err
		}
	}
}

func head(frame []byte, kind byte, number int) []byte {
	binary.BigEndian.PutUint32(frame, uint32(kind)<<24|uint32(number))
	return frame
}
