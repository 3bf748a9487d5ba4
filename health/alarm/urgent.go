package alarm

// Urgent says whether an alarm of number n and severity s is a night call: callers
// are not served now, or nothing protects them any more. Our choice: what is
// critical is, and an IPBX that is silent, for then no call arrives at all. A
// switchover that went well is none (1005 is major and callers are served), nor
// are data that cannot be written (1021): calls go on, and the morning is early
// enough.
func Urgent(n Number, s Severity) bool {
	switch n {
	case StoreDown:
		return false
	case IPBXSilent:
		return s == Major || s == Critical
	}
	return s == Critical
}

// AtLeast says whether s is as grave as least, or graver.
func (s Severity) AtLeast(least Severity) bool { return s.rank() <= least.rank() }
