package config

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// SecretFiles are the files that this configuration takes secrets from, in order,
// each once.
func (c *Config) SecretFiles() (files []string) {
	var walk func(path string, n *yaml.Node)
	walk = func(path string, n *yaml.Node) {
		switch n.Kind {
		case yaml.MappingNode:
			for i := 0; i+1 < len(n.Content); i += 2 {
				walk(join(path, n.Content[i].Value), n.Content[i+1])
			}
		case yaml.SequenceNode:
			for _, e := range n.Content {
				walk(path, e)
			}
		case yaml.ScalarNode:
			if secretKey(path) && strings.HasPrefix(n.Value, "/") {
				files = append(files, n.Value)
			}
			if key := databaseKey(n.Value); key != "" {
				files = append(files, key)
			}
		}
	}
	walk("", c.tree(nil))
	slices.Sort(files)
	return slices.Compact(files)
}

// secretKey: a file of the key at path is a secret. Certificates of authorities are
// not.
func secretKey(path string) bool {
	if strings.HasSuffix(path, "ca_file") {
		return false
	}
	return path == "keys.file" || path == "tls.key" || strings.HasSuffix(path, ".key") || strings.HasSuffix(path, "_file")
}
