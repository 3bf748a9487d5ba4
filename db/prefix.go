package db

// PrefixEnd is just above every text that begins with prefix when texts are
// compared byte by byte; nil: there is none, for prefix is empty or all 0xff.
func PrefixEnd(prefix string) []byte {
	end := []byte(prefix)
	for n := len(end); n > 0; n-- {
		if end[n-1] < 0xff {
			end[n-1]++
			return end[:n]
		}
	}
	return nil
}
