package conformance

import (
	"fmt"
	"strconv"
	"strings"
)

// Outcome is what must become of one torture message. Written in the page as
// "forward", "drop", "400", "400, close", "close" or "hang".
type Outcome struct {
	// Forward: arrives at the other side, intact, and the answer comes back.
	// With Status: the second message of a stream does, the first is answered.
	Forward bool
	Status  int    // the final that Relève gives itself; 0: none
	Close   bool   // the connection is closed
	Hang    bool   // the stream waits for the rest of the message and ends the connection in time
	text    string // as written
}

func (o Outcome) String() string { return o.text }

// ParseOutcome reads a cell of the page.
func ParseOutcome(cell string) (Outcome, error) {
	o := Outcome{text: cell}
	for part := range strings.SplitSeq(cell, ",") {
		switch part = strings.TrimSpace(part); part {
		case "forward":
			o.Forward = true
		case "close":
			o.Close = true
		case "hang":
			o.Hang = true
		case "drop":
		default:
			n, err := strconv.Atoi(part)
			if err != nil || n < 200 || n > 699 {
				return o, fmt.Errorf("%q is no outcome; write forward, drop, close, hang or a final status", part)
			}
			o.Status = n
		}
	}
	if (o.Forward || o.Hang) && o.Close || o.Hang && cell != "hang" {
		return o, fmt.Errorf("%q is two outcomes", cell)
	}
	return o, nil
}
