package message

// RouteSet is the route set from us to the callee that sent the response ok:
// the Record-Route values that were added after ours, reversed (RFC 3261
// §12.1.2). ours reports our own values, where it ends.
func RouteSet(ok []byte, h *Head, ours func(value []byte) bool) []string {
	var out []string
	for v := range Values(ok, h, "Record-Route") {
		if ours(v) {
			break
		}
		out = append([]string{string(v)}, out...)
	}
	return out
}
