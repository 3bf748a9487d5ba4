// Package corpus holds the torture messages of RFC 4475 and RFC 5118, byte for
// byte; README.md says where they are from. Read only, safe for concurrent use.
package corpus

import (
	"embed"
	"fmt"
	"io/fs"
	"path"
	"strings"
)

//go:embed rfc4475/*.dat rfc5118/ip* rfc5118/mult* rfc5118/port* rfc5118/via*
var files embed.FS

// Message is one torture message. ID: "4475 wsinv", "5118 ipv6-good".
type Message struct {
	ID  string
	Raw []byte
}

// All returns every message, sorted by ID; the caller owns the bytes.
func All() []Message {
	var all []Message
	for _, dir := range []string{"rfc4475", "rfc5118"} {
		entries, err := fs.ReadDir(files, dir)
		if err != nil {
			panic(fmt.Sprintf("read the embedded corpus: %v", err)) // a build without it does not exist
		}
		for _, e := range entries {
			raw, err := files.ReadFile(path.Join(dir, e.Name()))
			if err != nil {
				panic(fmt.Sprintf("read the embedded corpus: %v", err))
			}
			all = append(all, Message{strings.TrimPrefix(dir, "rfc") + " " + strings.TrimSuffix(e.Name(), ".dat"), raw})
		}
	}
	return all
}
