package config

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"releve/cmd/internal/text"
)

// TestNoHeaderInjection: CR, LF, NUL and every other control character are
// refused in every value of the file, by the name of the key. What reaches a
// SIP message is among them, whichever key of tomorrow puts it there.
func TestNoHeaderInjection(t *testing.T) {
	raw := goodFull(t)
	leaves := 0
	for i := 0; ; i++ {
		var doc yaml.Node
		if err := yaml.Unmarshal(raw, &doc); err != nil {
			t.Fatal(err)
		}
		all := scalars(&doc, "", nil)
		leaves = len(all)
		if i == leaves {
			break
		}
		for _, bad := range []string{"\r\nX-Bad: 1", "\x00"} {
			if err := yaml.Unmarshal(raw, &doc); err != nil {
				t.Fatal(err)
			}
			leaf := scalars(&doc, "", nil)[i]
			leaf.node.Value += bad
			leaf.node.Style = yaml.DoubleQuotedStyle
			leaf.node.Tag = "!!str"
			refused(t, &doc, leaf.path, bad)
		}
	}
	if leaves < 100 {
		t.Errorf("only %d values tried: does the test look at the right file?", leaves)
	}
}

// TestNoQuoteInSIPValues: what may stand in a SIP message cannot close the
// quotes or the brackets around it.
func TestNoQuoteInSIPValues(t *testing.T) {
	raw := goodFull(t)
	for _, path := range []string{
		"listen[0].address", "listen[0].advertise", "ipbx[0].name", "ipbx[0].address", "ipbx[0].sources[0]",
		"servers[0].name", "servers[0].address", "servers[0].user", "service_numbers[0]",
		"registration.users.principal.aor", "registration.users.principal.username", "registration.users.secours.aor", "rescue",
	} {
		for _, bad := range []string{`"`, "<", ">", `\`, ">;tag=1", "\r\nVia: x", "%0d%0a", " ", ","} {
			if strings.HasSuffix(path, "name") && strings.Trim(bad, "% ,0da") == "" {
				continue // harmless between quotes
			}
			var doc yaml.Node
			if err := yaml.Unmarshal(raw, &doc); err != nil {
				t.Fatal(err)
			}
			found := false
			for _, leaf := range scalars(&doc, "", nil) {
				if leaf.path == path {
					leaf.node.Value += bad
					leaf.node.Style, found = yaml.DoubleQuotedStyle, true
				}
			}
			if !found {
				t.Fatalf("%s is not in the file", path)
			}
			refused(t, &doc, path, bad)
		}
	}
}

func TestEveryControlCharacter(t *testing.T) {
	for c := rune(0); c < 0xa0; c++ {
		if c >= ' ' && c < 0x7f {
			continue
		}
		_, problems := Parse("f", []byte(fmt.Sprintf("site: \"a\\u%04xb\"\n", c)), text.English)
		if !slices.ContainsFunc(problems, func(p Problem) bool { return p.Code == CodeCharacter && p.Path == "site" }) {
			t.Errorf("U+%04X was accepted", c)
		}
	}
}

// TestNoInjectionInAUserName: the one name of the file that is a key.
func TestNoInjectionInAUserName(t *testing.T) {
	for _, name := range []string{`"a\r\nb"`, `"a\0"`, `"a>"`, `" "`} {
		c, problems := Parse("f", []byte("registration: {mode: hold, users: {"+name+": {aor: \"sip:1@a.example\"}}}\n"), text.English)
		if len(c.Registration.Users) != 0 || !Faulty(problems) {
			t.Errorf("user %s was accepted", name)
		}
	}
}

// goodFull is the file with every key in it.
func goodFull(t *testing.T) []byte {
	t.Helper()
	raw, err := os.ReadFile("testdata/good_full.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return bytes.ReplaceAll(raw, []byte("@DIR@"), []byte("/nowhere"))
}

// refused checks that a fault names path.
func refused(t *testing.T, doc *yaml.Node, path, bad string) {
	t.Helper()
	out, err := yaml.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	_, problems := Parse("f", out, text.English)
	for _, p := range problems {
		if p.Path == path && !p.Advice {
			if strings.ContainsAny(p.Message, "\r\n\x00\x1b") {
				t.Errorf("%s: the fault itself holds the character: %q", path, p.Message)
			}
			return
		}
	}
	t.Errorf("%s with %q was accepted: %v", path, bad, problems)
}

type leafNode struct {
	node *yaml.Node
	path string
}

// scalars lists every value of the document with its path, in order.
func scalars(n *yaml.Node, path string, out []leafNode) []leafNode {
	switch n.Kind {
	case yaml.DocumentNode:
		return scalars(n.Content[0], path, out)
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			out = scalars(n.Content[i+1], join(path, n.Content[i].Value), out)
		}
	case yaml.SequenceNode:
		for i, e := range n.Content {
			out = scalars(e, path+"["+strconv.Itoa(i)+"]", out)
		}
	case yaml.ScalarNode:
		out = append(out, leafNode{n, path})
	}
	return out
}
