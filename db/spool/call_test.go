package spool

import (
	"reflect"
	"testing"
	"time"

	"releve/router"
)

// filled has another value in each field, so that one which the codec forgot,
// or a field that router.CallRecord gains, shows.
func filled(t *testing.T) router.CallRecord {
	var c router.CallRecord
	v := reflect.ValueOf(&c).Elem()
	for i := range v.NumField() {
		f := v.Field(i)
		switch f.Kind() {
		case reflect.String:
			f.SetString("text of " + v.Type().Field(i).Name)
		case reflect.Bool:
			f.SetBool(true)
		case reflect.Int64:
			f.SetInt(-int64(i) * 1e12)
		case reflect.Uint8, reflect.Uint16:
			f.SetUint(uint64(200 + i))
		case reflect.Uint64:
			f.SetUint(1<<64 - 1 - uint64(i))
		case reflect.Struct:
			f.Set(reflect.ValueOf(time.Date(2026, 3, 29, 1, 30, 0, 123_456_789, time.UTC)))
		default:
			t.Fatalf("field %s: a kind that the codec does not know", v.Type().Field(i).Name)
		}
	}
	return c
}

func TestCallSurvivesItsFrame(t *testing.T) {
	for _, want := range []router.CallRecord{filled(t), {}} {
		body := appendCall(nil, &want)
		if got, ok := readCall(body); !ok || got != want {
			t.Errorf("read %t\n got %+v\nwant %+v", ok, got, want)
		}
		for n := range body {
			if _, ok := readCall(body[:n]); ok {
				t.Errorf("%d of %d bytes are read as a record", n, len(body))
			}
		}
		if _, ok := readCall(append(body, 0)); ok {
			t.Error("a byte too many is read as a record")
		}
	}
}

func FuzzReadCall(f *testing.F) {
	f.Add(appendCall(nil, &router.CallRecord{CallID: "a", Started: time.Unix(1, 2)}))
	f.Fuzz(func(t *testing.T, body []byte) {
		c, ok := readCall(body)
		if !ok {
			return
		}
		if again, ok := readCall(appendCall(nil, &c)); !ok || again != c {
			t.Fatalf("%+v came back as %+v", c, again)
		}
	})
}
