package server_test

import (
	"testing"
	"time"

	"releve/testbed/ipbx"
	"releve/testbed/server"
)

// BenchmarkCalls is one whole call (INVITE 100 180 200 ACK BYE 200) between the
// two parties: what the testbed itself costs, both ends together.
func BenchmarkCalls(b *testing.B) {
	s, err := server.Start(server.Config{Name: "principal", Addr: "127.0.31.1:0", Lines: 10_000})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	x, err := ipbx.Start(ipbx.Config{Name: "oxe", Addr: "127.0.31.2:0", Releve: s.Addr()})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = x.Close() }()
	b.ReportAllocs()
	b.ResetTimer()
	sum, err := x.Load(b.Context(), ipbx.LoadSpec{
		Call: ipbx.CallSpec{From: "1", To: "5000", Duration: time.Millisecond}, Rate: 2000, Count: b.N,
	})
	if err != nil || sum.Outcomes["answered"] != b.N {
		b.Errorf("%+v, %v", sum, err)
	}
}
