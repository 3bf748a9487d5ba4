package app

import "testing"

// TestConformanceSIPconnect: rules U that show on real sockets, from a file of
// configuration to what each party hears.
func TestConformanceSIPconnect(t *testing.T) {
	t.Parallel() // it waits
	t.Run("U01 SIPconnect 2.0 registration mode", theMainJob)
	t.Run("U01 SIPconnect 2.0 registration mode: a Contact for each registrar", TestEachRegistrarIsGivenItsOwnContact)
	t.Run("U01 SIPconnect 2.0 static mode", bridges([2]string{"udp", "tls"}))
	t.Run("U01 SIPconnect 2.0 static mode: a server by name", TestNamedServerOverTLS)
	t.Run("U02 SIPconnect 2.0 TCP and TLS and UDP by agreement", bridges([2]string{"tls", "udp"}, [2]string{"tcp", "tls"}, [2]string{"tls", "tls"}))
}
