package message

import (
	"bytes"
	"testing"
)

// A seal holds for its text and its key alone; one of the previous key still does.
func TestSeal(t *testing.T) {
	former := bytes.Repeat([]byte{6}, 40)
	k, err := ParseKeys(AppendKey(AppendKey(nil, 7, bytes.Repeat([]byte{7}, 32)), 6, former))
	if err != nil {
		t.Fatal(err)
	}
	text := []byte("who did what")
	seal := k.Seal(text)
	old, err := ParseKeys(AppendKey(nil, 6, former))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, text, seal string
		want             bool
	}{
		{"as it was sealed", "who did what", seal, true},
		{"by the previous key", "who did what", old.Seal(text), true},
		{"another text", "who did nothing", seal, false},
		{"another key's", "who did what", "6" + seal[1:], false},
		{"a key that is gone", "who did what", "9" + seal[1:], false},
		{"cut short", "who did what", seal[:len(seal)-2], false},
		{"none", "who did what", "", false},
	} {
		if got := k.Sealed([]byte(c.text), c.seal); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}
