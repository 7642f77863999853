package execs

import (
	"encoding/binary"
	"encoding/json"
)

// Kind is the first byte of a frame of output.
type Kind byte

const (
	KindStatus Kind = 0
	KindStdout Kind = 1
	KindStderr Kind = 2
	KindEnd    Kind = 3
	KindGap    Kind = 4
	KindTime   Kind = 5
	// KindInterrupted says that the sandbox stood still.
	KindInterrupted Kind = 6
)

// A frame is 1 byte kind, 4 bytes length, payload; output payloads begin with 8 bytes offset.
const (
	frameHeaderBytes = 5
	offsetBytes      = 8
	timeBytes        = 8
	framePayload     = 64 << 10
)

// appendStatus appends a status or end frame.
func appendStatus(frames []byte, kind Kind, status *Status) []byte {
	payload, err := json.Marshal(status)
	if err != nil {
		panic(err) // a Status holds strings and numbers alone
	}
	return append(appendHeader(frames, kind, len(payload)), payload...)
}

func appendGap(frames []byte, from, to int64) []byte {
	frames = appendHeader(frames, KindGap, 2*offsetBytes)
	frames = binary.BigEndian.AppendUint64(frames, uint64(from))
	return binary.BigEndian.AppendUint64(frames, uint64(to))
}

func appendTime(frames []byte, unixMs int64) []byte {
	return binary.BigEndian.AppendUint64(appendHeader(frames, KindTime, timeBytes), uint64(unixMs))
}

func appendInterrupted(frames []byte, fromMs, untilMs int64) []byte {
	frames = appendHeader(frames, KindInterrupted, 2*timeBytes)
	frames = binary.BigEndian.AppendUint64(frames, uint64(fromMs))
	return binary.BigEndian.AppendUint64(frames, uint64(untilMs))
}

func appendOutput(frames []byte, kind Kind, offset int64, output []byte) []byte {
	frames = appendHeader(frames, kind, offsetBytes+len(output))
	frames = binary.BigEndian.AppendUint64(frames, uint64(offset))
	return append(frames, output...)
}

func appendHeader(frames []byte, kind Kind, length int) []byte {
	frames = append(frames, byte(kind))
	return binary.BigEndian.AppendUint32(frames, uint32(length))
}
