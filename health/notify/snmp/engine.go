package snmp

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Engine is this node as an SNMP engine (RFC 3411 §3.1.1.1).
type Engine struct {
	id    []byte
	boots uint32
	start time.Time
}

// engineFile is what is kept of an Engine.
type engineFile struct {
	ID    string `json:"engine_id"` // hexadecimal
	Boots uint32 `json:"boots"`
}

// enterprise of engine IDs that we make: the one under whose playpen our MIB
// stands, for we have no number of our own yet.
const enterprise = 8072

// bootsEpoch is where the count of boots begins when none was kept.
var bootsEpoch = time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)

// maxBoots is the highest count (RFC 3414 §2.2.2); it is 4,000 years away.
const maxBoots = 1<<31 - 1

// OpenEngine reads the engine kept in dir, makes one when there is none, and
// counts a boot. id, when not nil, takes the place of the kept one. seed is what
// tells this machine from others: an engine that was lost is made again with the
// same ID.
//
// Our choice: the count is never below the minutes since 2020, so that it rises
// even when the file was lost or comes from an old backup (RFC 3414 §2.2 knows
// no other cure than to set the receivers back).
//
// The error is about the file; the Engine works, and its next start may lie in
// the same minute.
func OpenEngine(dir string, id []byte, seed string, now time.Time) (*Engine, error) {
	path := filepath.Join(dir, "snmp-engine.json")
	kept, err := readEngine(path)
	e := &Engine{id: id, start: now}
	if len(e.id) == 0 {
		e.id, _ = ParseEngineID(kept.ID) // what cannot be read is made again
	}
	if len(e.id) == 0 {
		e.id = makeID(seed)
	}
	minutes := max(1, now.Sub(bootsEpoch)/time.Minute)
	e.boots = uint32(min(maxBoots-1, max(int64(minutes), int64(kept.Boots)+1)))
	if werr := writeEngine(path, engineFile{ID: hex.EncodeToString(e.id), Boots: e.boots}); werr != nil {
		err = errors.Join(err, werr)
	}
	return e, err
}

// ID is the engine ID as a receiver wants it: 0x and hexadecimal digits.
func (e *Engine) ID() string { return "0x" + hex.EncodeToString(e.id) }

// ParseEngineID reads an engine ID written in hexadecimal, with or without 0x: 5
// to 32 bytes, neither all 00 nor all ff (RFC 3411 §5).
func ParseEngineID(s string) ([]byte, error) {
	raw, err := hex.DecodeString(strings.TrimPrefix(strings.ToLower(s), "0x"))
	if err != nil {
		return nil, fmt.Errorf("engine id %q: %w", s, err)
	}
	if len(raw) < 5 || len(raw) > 32 {
		return nil, fmt.Errorf("engine id %q: %d bytes, and it has 5 to 32", s, len(raw))
	}
	same := true
	for _, b := range raw {
		same = same && b == raw[0]
	}
	if same && (raw[0] == 0 || raw[0] == 0xff) {
		return nil, fmt.Errorf("engine id %q: all bytes are %02x", s, raw[0])
	}
	return raw, nil
}

// makeID is an engine ID of format 5, octets (RFC 3411 §5).
func makeID(seed string) []byte {
	sum := sha256.Sum256([]byte("releve snmp engine\x00" + seed))
	id := binary.BigEndian.AppendUint32(nil, 1<<31|enterprise)
	return append(append(id, 5), sum[:12]...)
}

// ticks are hundredths of a second since the start (TimeTicks, RFC 2578 §7.1.8).
func (e *Engine) ticks(now time.Time) uint32 {
	return uint32(uint64(max(0, now.Sub(e.start))/(10*time.Millisecond)) & 0xffffffff)
}

// seconds is snmpEngineTime (RFC 3414 §2.2.1).
func (e *Engine) seconds(now time.Time) uint32 {
	return uint32(min(maxBoots, int64(max(0, now.Sub(e.start))/time.Second)))
}

// readEngine returns zero when there is no file.
func readEngine(path string) (f engineFile, err error) {
	raw, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return f, nil
	}
	if err != nil {
		return f, fmt.Errorf("read the SNMP engine: %w", err)
	}
	if err := json.Unmarshal(raw, &f); err != nil {
		return engineFile{}, fmt.Errorf("read the SNMP engine %s: %w", path, err)
	}
	return f, nil
}

// writeEngine replaces the file whole, and is durable when it returns.
func writeEngine(path string, f engineFile) error {
	raw, err := json.Marshal(f)
	if err != nil {
		return err
	}
	next, err := os.CreateTemp(filepath.Dir(path), ".snmp-engine-*")
	if err != nil {
		return fmt.Errorf("keep the SNMP engine: %w", err)
	}
	defer os.Remove(next.Name()) // gone after the rename
	_, err = next.Write(append(raw, '\n'))
	err = errors.Join(err, next.Sync(), next.Close())
	if err == nil {
		err = os.Rename(next.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("keep the SNMP engine: %w", err)
	}
	return nil
}
