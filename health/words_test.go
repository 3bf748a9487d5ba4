package health

import (
	"reflect"
	"testing"

	"releve/router"
)

// TestFactsSurviveTheJournal: every field is written and read back.
func TestFactsSurviveTheJournal(t *testing.T) {
	all := Facts{SIP: router.Silent, App: router.Stuck, Host: Down, Peer: Up}
	v := reflect.ValueOf(&all).Elem()
	for i := range v.NumField() {
		if f := v.Field(i); f.Kind() == reflect.Bool {
			f.SetBool(true)
		}
		if v.Field(i).IsZero() {
			t.Fatalf("the test leaves %s at zero", v.Type().Field(i).Name)
		}
	}
	for _, f := range []Facts{all, {}, {SIP: router.OK, LatencyOdd: true}} {
		if got, err := ParseFacts(f.String()); err != nil || got != f {
			t.Errorf("%q is read as %+v: %v", f, got, err)
		}
	}
	for _, bad := range []string{"sip=perhaps", "host=2", "tired"} {
		if _, err := ParseFacts(bad); err == nil {
			t.Errorf("%q is read", bad)
		}
	}
}
