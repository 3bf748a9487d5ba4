package spool

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"

	"releve/db"
	"releve/router"
)

// A segment is segmentHeader and frames. A frame is
//
//	length  4 bytes, little endian: of the body
//	crc     4 bytes, little endian: CRC-32C of length and body
//	body    1 byte kind, then a record (see call.go), JSON, or in a mark nothing
//
// Zeros, which a file system may leave behind after a power cut, are no frame:
// a body has at least its kind.
const (
	segmentHeader = "releve spool 1\n\x00"
	frameOverhead = 8
	markBytes     = frameOverhead + 1
	maxBody       = 256 << 10 // a call record has some 130 bytes
)

const (
	kindCall     = 'R'
	kindCallJSON = 'C' // of earlier versions
	kindEvent    = 'E'
	kindMark     = 'M' // ends a batch
)

// errTorn: what follows is not a whole frame.
var errTorn = errors.New("no whole frame")

// entry is one record or event on its way to the disk.
type entry struct {
	kind  byte
	call  router.CallRecord
	event db.Event
}

// appendEntry appends e as a frame; dst is unchanged when it returns false.
func appendEntry(dst []byte, e *entry) ([]byte, bool) {
	start := len(dst)
	longer := append(dst, make([]byte, frameOverhead)...)
	longer = append(longer, e.kind)
	if e.kind == kindCall {
		longer = appendCall(longer, &e.call)
	} else {
		payload, err := json.Marshal(&e.event)
		if err != nil {
			return dst, false
		}
		longer = append(longer, payload...)
	}
	if len(longer)-start-frameOverhead > maxBody {
		return dst, false
	}
	closeFrame(longer[start:])
	return longer, true
}

func appendFrame(dst []byte, kind byte, payload []byte) []byte {
	start := len(dst)
	dst = append(dst, make([]byte, frameOverhead)...)
	dst = append(append(dst, kind), payload...)
	closeFrame(dst[start:])
	return dst
}

// closeFrame writes length and checksum before the body of frame f.
func closeFrame(f []byte) {
	binary.LittleEndian.PutUint32(f, uint32(len(f)-frameOverhead))
	binary.LittleEndian.PutUint32(f[4:], checksum(f[:4], f[frameOverhead:]))
}

func checksum(length, body []byte) uint32 {
	table := crc32.MakeTable(crc32.Castagnoli) // made once, by the library
	return crc32.Update(crc32.Checksum(length, table), table, body)
}

// frames reads one frame after the other. offset is the end of the last whole
// one, counted from where the reader began.
type frames struct {
	in     *bufio.Reader
	offset int64
	body   []byte // reused
}

// next returns the next frame; the payload is valid until the next call. The
// error is io.EOF at a clean end, errTorn, or that of the file.
func (f *frames) next() (kind byte, payload []byte, err error) {
	var head [frameOverhead]byte
	if n, err := io.ReadFull(f.in, head[:]); err != nil {
		if n == 0 && err == io.EOF {
			return 0, nil, io.EOF
		}
		return 0, nil, tornOr(err)
	}
	length := binary.LittleEndian.Uint32(head[:4])
	if length < 1 || length > maxBody {
		return 0, nil, errTorn
	}
	if cap(f.body) < int(length) {
		f.body = make([]byte, length)
	}
	f.body = f.body[:length]
	if _, err := io.ReadFull(f.in, f.body); err != nil {
		return 0, nil, tornOr(err)
	}
	if checksum(head[:4], f.body) != binary.LittleEndian.Uint32(head[4:]) {
		return 0, nil, errTorn
	}
	f.offset += frameOverhead + int64(length)
	return f.body[0], f.body[1:], nil
}

func tornOr(err error) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return errTorn
	}
	return err
}

// appendTo adds the content of a frame to a batch.
func appendTo(b *db.Batch, kind byte, payload []byte) error {
	switch kind {
	case kindCall:
		c, ok := readCall(payload)
		if !ok {
			return errors.New("not a whole record")
		}
		b.Calls = append(b.Calls, c)
	case kindCallJSON:
		var c router.CallRecord
		if err := json.Unmarshal(payload, &c); err != nil {
			return err
		}
		b.Calls = append(b.Calls, c)
	case kindEvent:
		var e db.Event
		if err := json.Unmarshal(payload, &e); err != nil {
			return err
		}
		b.Events = append(b.Events, e)
	default:
		return fmt.Errorf("kind %q is unknown: it was written by another version", kind)
	}
	return nil
}
