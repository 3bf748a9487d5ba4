package message

// dropRoutes removes Route values from either end and adds a line behind them.
func (e *Edit) dropRoutes(cs []cut, raw []byte, h *Head) []cut {
	var l line
	head, n, after := e.DropRoutes, 0, h.ViaEnd
	for pos := h.top(h.RouteLine); h.more(raw, &pos, &l); {
		if l.kind != kindRoute {
			continue
		}
		after = l.next
		in := valuesIn(raw, &l)
		cs = cutRouteLine(cs, raw, &l, min(max(head-n, 0), in), e.DropLastRoute && n+in == int(h.Routes), in)
		if n += in; n == int(h.Routes) {
			break
		}
	}
	if e.LastRoute != nil {
		cs = addCut(cs, cut{off: after, end: after, pre: "Route: ", what: isLastRoute, post: crlf})
	}
	return cs
}

// valuesIn counts the values of a line.
func valuesIn(raw []byte, l *line) (n int) {
	for p := l.value; p < l.valueEnd; n++ {
		end, _ := valueEnd(raw, p, l.valueEnd)
		p = end + 1
	}
	return n
}

// cutRouteLine removes the first k of n values of a line, and the last one
// when last; the line goes when none is left.
func cutRouteLine(cs []cut, raw []byte, l *line, k int, last bool, n int) []cut {
	drop := k
	if last {
		drop = min(k+1, n)
	}
	switch {
	case drop == 0:
		return cs
	case drop == n:
		return addCut(cs, cut{off: l.off, end: l.next})
	}
	p, comma := l.value, l.value
	for i := 0; i < n; i++ {
		if i == k && k > 0 {
			cs = addCut(cs, cut{off: l.value, end: skipLWS(raw, p, l.valueEnd)})
		}
		if i == n-1 && last {
			cs = addCut(cs, cut{off: comma, end: l.valueEnd})
		}
		comma, _ = valueEnd(raw, p, l.valueEnd)
		p = min(comma+1, l.valueEnd)
	}
	return cs
}

// dropLines removes every line whose name e.Drop lists.
func (e *Edit) dropLines(cs []cut, raw []byte, h *Head) []cut {
	var l line
	for pos := h.firstLine(raw); h.more(raw, &pos, &l); {
		for _, name := range e.Drop {
			if sameName(l.name(raw), []byte(name)) {
				cs = addCut(cs, cut{off: l.off, end: l.next})
				break
			}
		}
	}
	return cs
}

// afterHistory is where a further History-Info line goes: behind the last one,
// else where new lines go.
func (h *Head) afterHistory(raw []byte) int {
	var l line
	after := h.ViaEnd
	for pos := h.firstLine(raw); h.more(raw, &pos, &l); {
		if l.kind == kindHistoryInfo {
			after = l.next
		}
	}
	return after
}
