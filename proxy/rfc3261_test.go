package proxy

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// RFC 3261 §16.3–16.11 and §17, sentence by sentence, on the wire format, in
// synctest bubbles. The walk is in four files:
//
//	rfc3261_request_test.go      §16.3–16.6, §18.3
//	rfc3261_response_test.go     §16.7–16.10
//	rfc3261_transaction_test.go  §17.1, §17.2
//	rfc6026_test.go              what RFC 6026 corrects in §17, late 2xx
//
// with §16.11, §17.1.3 and §17.1.4/17.2.4 here.

// TestEverySectionIsWalked: each section has a test that carries its number.
func TestEverySectionIsWalked(t *testing.T) {
	files, err := filepath.Glob("rfc*_test.go")
	if err != nil || len(files) < 5 {
		t.Fatal("the walk's files are not here:", files, err)
	}
	var names []string
	for _, name := range files {
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok {
				names = append(names, fn.Name.Name)
			}
		}
	}
	for _, section := range []string{
		"16_3", "16_4", "16_5", "16_6", "16_7_1", "16_7_2", "16_7_3", "16_7_4", "16_7_5", "16_7_6", "16_7_7", "16_7_10",
		"16_8", "16_9", "16_10", "16_11", "17_1_1_2", "17_1_2_2", "17_1_3", "17_1_4", "17_2_1", "17_2_2", "17_2_3", "17_2_4",
	} {
		walked := false
		for _, name := range names {
			walked = walked || strings.HasPrefix(name, "Test") && strings.Contains(name+"_", section+"_")
		}
		if !walked {
			t.Errorf("no test carries §%s", strings.ReplaceAll(section, "_", "."))
		}
	}
}

// TestSection16_11_Stateless: the branch depends on the request alone, so that
// what is forwarded without a transaction (the ACK of a 2xx) carries the same
// branch each time it comes (RFC 3261 §16.11).
func TestSection16_11_Stateless(t *testing.T) {
	run(t, func(b *bed) {
		_, down := b.place("s")
		b.ibx.send(accept(down, "served", "10.0.0.1"))
		ok := b.primary.take("200")
		ack := uac(ok, "ACK", "ack-1", 1, "10.0.1.1")
		b.primary.send(ack)
		first := b.ibx.take("ACK")
		b.primary.send(ack)
		want(b, "a repeated ACK", branchOf(b.ibx.take("ACK")), branchOf(first))
		b.primary.send(uac(ok, "ACK", "ack-2", 1, "10.0.1.1"))
		want(b, "another ACK has another branch", branchOf(b.ibx.take("ACK")) != branchOf(first), true)
		b.primary.send(uac(ok, "BYE", "bye", 2, "10.0.1.1"))
		b.ibx.send(answer(b.ibx.take("BYE"), 200, "x"))
		b.primary.take("200")
	})
}

// TestSection17_1_3_MatchingResponses: a response belongs to the transaction
// whose branch stands in its top Via and whose method stands in its CSeq: the
// 200 of a CANCEL carries the INVITE's branch and must not answer it.
func TestSection17_1_3_MatchingResponses(t *testing.T) {
	run(t, func(b *bed) {
		up, down := b.place("m")
		b.ibx.send(answer(down, 180, "r"))
		b.primary.take("180")
		b.primary.send(cancelOf(up))
		b.primary.take("200")
		cancel := b.ibx.take("CANCEL")
		want(b, "the branch of the CANCEL", branchOf(cancel), branchOf(down))
		b.ibx.send(answer(cancel, 200, "r"))
		b.primary.silent()
		b.ibx.send(answer(down, 487, "r"))
		b.ibx.take("ACK")
		b.primary.send(ackNon2xx(up, b.primary.take("487")))
	})
}

// TestSection17_1_4_And_17_2_4_TransportErrors: a transport error ends a client
// transaction (the branch counts as 503, §16.9); an INVITE server transaction
// outlives the one of its response, to absorb what repeats (RFC 6026 §8.8).
func TestSection17_1_4_And_17_2_4_TransportErrors(t *testing.T) {
	run(t, func(b *bed) {
		b.net.Refuse(b.ibx.addr)
		b.net.Refuse(b.ibx2.addr)
		up := outgoing("t", "10.0.1.1")
		b.primary.send(up)
		b.primary.take("100")
		b.pass(time.Second)
		resp := b.primary.take("500") // 503 of both, never shown as 503
		b.primary.send(up)
		b.primary.take("500") // absorbed, answered from the transaction
		b.primary.all()
		b.primary.send(ackNon2xx(up, resp))
		b.net.Accept(b.ibx.addr)
		b.net.Accept(b.ibx2.addr)
	})
}
