package postgres

import (
	"encoding/binary"
	"errors"
	"io"
)

// maxMessage bounds one message of the server, in bytes: far above the longest
// record. What is no PostgreSQL may send any length, and that much would be
// allocated before it is read. Our choice.
const maxMessage = 16 << 20

var errTooLong = errors.New("it does not speak as a PostgreSQL server: a message is longer than 16 MiB")

// framed reads PostgreSQL messages (type, length that counts itself, body) and
// ends at one that is too long.
type framed struct {
	r    io.Reader
	head [5]byte
	have int   // bytes of head that were seen
	body int64 // bytes of the body that are to come
}

func (f *framed) Read(p []byte) (int, error) {
	n, err := f.r.Read(p)
	for rest := p[:n]; len(rest) > 0; {
		if f.body > 0 {
			skip := min(f.body, int64(len(rest)))
			f.body, rest = f.body-skip, rest[skip:]
			continue
		}
		took := copy(f.head[f.have:], rest)
		f.have, rest = f.have+took, rest[took:]
		if f.have < len(f.head) {
			break
		}
		f.have = 0
		f.body = int64(int32(binary.BigEndian.Uint32(f.head[1:]))) - 4
		if f.body < 0 || f.body > maxMessage {
			return 0, errTooLong
		}
	}
	return n, err
}
