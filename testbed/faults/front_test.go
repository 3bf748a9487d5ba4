package faults

import (
	"bufio"
	"strings"
	"testing"
)

func TestFrame(t *testing.T) {
	const one, two = "INVITE sip:a SIP/2.0\r\nContent-Length: 4\r\n\r\nbody", "BYE sip:a SIP/2.0\r\nl: 0\r\n\r\n"
	r := bufio.NewReader(strings.NewReader("\r\n\r\n" + one + two + "INVITE sip:a SIP/2.0\r\nContent-Length: 9\r\n\r\ncut"))
	for _, want := range []string{one, two} {
		if m, err := frame(r); err != nil || string(m) != want {
			t.Errorf("read %q, %v, wanted %q", m, err, want)
		}
	}
	if m, err := frame(r); err == nil {
		t.Errorf("a message that is cut off was read as %q", m)
	}
	if _, err := frame(bufio.NewReader(strings.NewReader("INVITE sip:a SIP/2.0\r\nContent-Length: -1\r\n\r\n"))); err == nil {
		t.Error("a negative length was read")
	}
}
