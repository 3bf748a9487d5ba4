package kamailio

import (
	"testing"
	"time"
)

func TestBound(t *testing.T) {
	const line = ` 1(3) WARNING: <script>: BOUND 5001=0 5002=1 after 5002 expires=30 contact=<sip:5002@127.0.0.9:5060>;expires=30 cseq=3 until=/1795465847 at=1795465837.004211`
	s, ok := Bound(line)
	if !ok || !s.At.Equal(time.Unix(1795465837, 4211000)) || len(s.Until) != 1 || !s.Until["5002"].Equal(time.Unix(1795465847, 0)) {
		t.Errorf("read %+v, %v", s, ok)
	}
	if s, ok := Bound("BOUND 5001=0 5002=0 after time until=/ at=1795465837.000000"); !ok || len(s.Until) != 0 {
		t.Errorf("nobody: %+v, %v", s, ok)
	}
	if _, ok := Bound("SEEN REGISTER from 127.0.0.1"); ok {
		t.Error("a line about something else was read")
	}
}
