package app

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"

	"releve/db"
	"releve/router/control"
)

// Whose row it is. A store in a database can be reached from more than one
// machine, and what was sent to it may be carried out after its sender is gone. So
// the row says which node wrote it, and in which of its lives:
//
//	the row's node   its version          what it is, and what is done
//	ours             as we know it        ours: written over
//	ours             above, before our    a save of our former life that landed after we had read:
//	                 first save           what it says was never acted on; the mind begins anew from it
//	ours             below, or no row     the database went back (restored, or a standby that lacked
//	                                      the last write took over): what we know is newer, written over
//	ours             above, after it      a copy of this machine runs: not touched
//	another          any                  another node's: not touched, and nothing is decided here any
//	                                      more; at the start it is refused, unless store.take_over names it
//
// The name of this node is in a file of store.path, and the lock on the spool keeps
// a second process off that directory: a former life of this name is over. Two
// nodes that share the store need a lease, which this version does not have.

// errAnotherNode: the stored row is not ours.
var errAnotherNode = errors.New("the store belongs to another node")

// nodeFile holds the name of this node, in store.path.
const nodeFile = "node"

var nodeForm = regexp.MustCompile(`^[0-9a-f]{16}$`)

// ownedRow is the state row as a shared store holds it.
type ownedRow struct {
	Node string          `json:"node"`
	Host string          `json:"host"` // for people
	Life string          `json:"life"`
	Row  json.RawMessage `json:"row"`
}

// ownership is who we are to a shared store. Safe for concurrent use.
type ownership struct {
	node, host, life string
	takeOver         string // another node whose row is taken for ours

	mu    sync.Mutex
	saved bool  // in this life
	ahead int64 // what to add to the mind's version to have the store's
}

// newOwnership reads the name of this node, and makes one at the first start.
func newOwnership(dir, takeOver string) (*ownership, error) {
	o := &ownership{takeOver: takeOver, life: randomName()}
	o.host, _ = os.Hostname() // for people only
	path := filepath.Join(dir, nodeFile)
	raw, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		o.node = randomName()
		err = writeWhole(path, []byte(o.node+"\n"))
	} else {
		o.node = strings.TrimSpace(string(raw))
	}
	if err != nil {
		return nil, fmt.Errorf("the name of this node: %w; look at the disk and the rights of store.path", err)
	}
	if !nodeForm.MatchString(o.node) {
		return nil, fmt.Errorf("the name of this node in %s is damaged: remove the file; store.take_over then names the former one", path)
	}
	return o, nil
}

func randomName() string {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

// read returns the stored row without its envelope, and its version.
func (o *ownership) read(ctx context.Context, store db.Store) (row ownedRow, version uint64, err error) {
	raw, version, err := store.LoadState(ctx)
	if err != nil || version == 0 {
		return row, 0, err
	}
	if err := json.Unmarshal(raw, &row); err != nil || len(row.Row) == 0 {
		return row, 0, fmt.Errorf("the stored role and licence cannot be read: restore the database from a backup (%w)", err)
	}
	return row, version, nil
}

// refuse says why a row cannot be taken for ours; nil: it can.
func (o *ownership) refuse(row ownedRow) error {
	if row.Node == o.node || row.Node == o.takeOver {
		return nil
	}
	return fmt.Errorf("%w, %s on %s: give this one a schema of its own (search_path in store.postgres); when that machine is gone for good and this one replaces it, write store.take_over: %q and start again",
		errAnotherNode, row.Node, row.Host, row.Node)
}

// boot reads what this node goes on from.
func (o *ownership) boot(ctx context.Context, store db.Store) ([]byte, uint64, error) {
	row, version, err := o.read(ctx, store)
	if err != nil || version == 0 {
		return nil, 0, err
	}
	if err := o.refuse(row); err != nil {
		return nil, 0, err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.saved, o.ahead = false, 0
	return row.Row, version, nil
}

// overtaken: a save found the row of a former life, which is to be taken for what
// is stored.
type overtaken struct {
	row     control.Row
	version uint64
}

func (overtaken) Error() string { return "a save of the former life of this node landed late" }

// save is db.Store's SaveState, for the mind's version; overtaken when the mind must
// begin anew.
func (o *ownership) save(ctx context.Context, store db.Store, row []byte, ifVersion uint64) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	raw, err := json.Marshal(ownedRow{Node: o.node, Host: o.host, Life: o.life, Row: row})
	if err != nil {
		return err
	}
	want := uint64(int64(ifVersion) + o.ahead)
	for {
		if err := store.SaveState(ctx, raw, want); !errors.Is(err, db.ErrConflict) {
			o.saved = o.saved || err == nil
			return err
		}
		found, version, err := o.read(ctx, store)
		if err != nil {
			return err
		}
		if want, err = o.settle(found, version, want); err != nil {
			return err
		}
		o.ahead = int64(want) - int64(ifVersion)
	}
}

// settle returns the version over which to save after a conflict. It rises or ends:
// each time round, somebody else has written.
func (o *ownership) settle(found ownedRow, version, want uint64) (uint64, error) {
	switch {
	case version == 0 || found.Node == o.node && version < want:
		return version, nil // the database went back
	case found.Node != o.node:
		if o.saved || found.Node != o.takeOver {
			return 0, o.refuse(ownedRow{Node: found.Node, Host: found.Host})
		}
	case o.saved && found.Life != o.life:
		return 0, fmt.Errorf("%w: a copy of this machine with the same name, on %s, writes it: stop one of the two", errAnotherNode, found.Host)
	case version == want:
		return version, nil // it came back in between
	}
	over := overtaken{version: version}
	if err := json.Unmarshal(found.Row, &over.row); err != nil {
		return 0, fmt.Errorf("the stored role and licence cannot be read: restore the database from a backup (%w)", err)
	}
	o.ahead = 0
	return 0, over
}
