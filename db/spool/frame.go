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
//	body    1 byte kind, then JSON (none in a mark)
//
// Zeros, which a file system may leave behind after a power cut, are no frame:
// a body has at least its kind.
const (
	segmentHeader = "releve spool 1\n\x00"
	frameOverhead = 8
	markBytes     = frameOverhead + 1
	maxBody       = 256 << 10 // a call record has some 400 bytes
)

const (
	kindCall  = 'C'
	kindEvent = 'E'
	kindMark  = 'M' // ends a batch
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
	var payload []byte
	var err error
	if e.kind == kindCall {
		payload, err = json.Marshal(&e.call)
	} else {
		payload, err = json.Marshal(&e.event)
	}
	if err != nil || len(payload)+1 > maxBody {
		return dst, false
	}
	return appendFrame(dst, e.kind, payload), true
}

func appendFrame(dst []byte, kind byte, payload []byte) []byte {
	start := len(dst)
	dst = binary.LittleEndian.AppendUint32(dst, uint32(1+len(payload)))
	dst = append(dst, 0, 0, 0, 0, kind)
	dst = append(dst, payload...)
	binary.LittleEndian.PutUint32(dst[start+4:], checksum(dst[start:start+4], dst[start+frameOverhead:]))
	return dst
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
