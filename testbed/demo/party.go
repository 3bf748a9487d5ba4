package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"

	"releve/testbed/ipbx"
	"releve/testbed/server"
)

// The parties, as --party names them.
const (
	partyIPBX      = "ipbx"
	partyPrimary   = "primary"
	partySecondary = "secondary"
)

// RunParty is the life of one party's process: the first line of in is its
// configuration in JSON, what follows is the control protocol (phone.Line).
// It ends with in, with ctx, or at "quit".
func RunParty(ctx context.Context, party string, in io.Reader, out io.Writer) error {
	first, err := firstLine(in)
	if err != nil {
		return fmt.Errorf("read the configuration of party %s: %w; parties are started by the demo itself", party, err)
	}
	control := struct {
		io.Reader
		io.Writer
	}{in, out}
	switch party {
	case partyIPBX:
		var cfg ipbx.Config
		if err := json.Unmarshal(first, &cfg); err != nil {
			return fmt.Errorf("read the configuration of party %s: %w", party, err)
		}
		return ipbx.Run(ctx, cfg, control)
	case partyPrimary, partySecondary:
		var cfg server.Config
		if err := json.Unmarshal(first, &cfg); err != nil {
			return fmt.Errorf("read the configuration of party %s: %w", party, err)
		}
		return server.Run(ctx, cfg, control)
	}
	return fmt.Errorf("no party %q: write %s, %s or %s", party, partyIPBX, partyPrimary, partySecondary)
}

// maxConfig bounds the first line, in bytes.
const maxConfig = 64 << 10

// firstLine reads byte by byte, so that nothing behind the line is swallowed.
func firstLine(in io.Reader) ([]byte, error) {
	var line bytes.Buffer
	var b [1]byte
	for line.Len() < maxConfig {
		if _, err := io.ReadFull(in, b[:]); err != nil {
			return nil, err
		}
		if b[0] == '\n' {
			return line.Bytes(), nil
		}
		line.WriteByte(b[0])
	}
	return nil, fmt.Errorf("the first line is longer than %d bytes", maxConfig)
}
