package config

import (
	"fmt"
	"maps"
	"slices"

	"go.yaml.in/yaml/v3"
)

// Change is one key whose value differs between two effective configurations.
type Change struct {
	Path string `json:"path"`
	Old  string `json:"old"` // "": the key was not there; a password is *** either way
	New  string `json:"new"` // "": the key is gone

	Reach Reach `json:"reach"` // what it takes for it to be in force
}

// Diff compares two outputs of Show, by path in alphabetical order.
func Diff(before, after []byte) ([]Change, error) {
	a, err := flatten(before)
	if err != nil {
		return nil, fmt.Errorf("read the first configuration: %w", err)
	}
	b, err := flatten(after)
	if err != nil {
		return nil, fmt.Errorf("read the second configuration: %w", err)
	}
	all := maps.Clone(a)
	maps.Copy(all, b)
	var out []Change
	for _, path := range slices.Sorted(maps.Keys(all)) {
		if a[path] != b[path] {
			out = append(out, Change{Path: path, Old: a[path], New: b[path], Reach: ReachOf(path)})
		}
	}
	return out, nil
}

// flatten returns every scalar by its path.
func flatten(raw []byte) (map[string]string, error) {
	var doc yaml.Node
	if err := yaml.Unmarshal(raw, &doc); err != nil {
		return nil, err
	}
	out := map[string]string{}
	var walk func(n *yaml.Node, path string)
	walk = func(n *yaml.Node, path string) {
		switch n.Kind {
		case yaml.DocumentNode:
			for _, e := range n.Content {
				walk(e, path)
			}
		case yaml.MappingNode:
			for i := 0; i+1 < len(n.Content); i += 2 {
				walk(n.Content[i+1], join(path, n.Content[i].Value))
			}
		case yaml.SequenceNode:
			for i, e := range n.Content {
				walk(e, fmt.Sprintf("%s[%d]", path, i))
			}
		case yaml.ScalarNode:
			out[path] = n.Value
		}
	}
	walk(&doc, "")
	return out, nil
}
