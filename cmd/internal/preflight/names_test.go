package preflight

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"

	"releve/cmd/internal/text"
	"releve/proxy/transport"
	"releve/testbed/nameserver"
)

// TestANameWithASilentAddressIsStudiedAtTheNext: the first address of SRV is dead; the
// study speaks to the second, and tells.
func TestANameWithASilentAddressIsStudiedAtTheNext(t *testing.T) {
	t.Parallel()
	ns, err := nameserver.Start("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ns.Close() })
	for name, first := range map[string]bool{"first": true, "later": false} {
		n := freeBed(t)
		dead, live := at(n, 1), at(n, 2)
		prefer := 20
		if first {
			prefer = 5
		}
		ns.Set(
			fmt.Sprintf("_sip._udp.%s.example. 60 IN SRV %d 5 5060 dead.%s.example.", name, prefer, name), fmt.Sprintf("dead.%s.example. 60 IN A %s", name, dead.Addr()),
			fmt.Sprintf("_sip._udp.%s.example. 60 IN SRV 10 5 5060 live.%s.example.", name, name), fmt.Sprintf("live.%s.example. 60 IN A %s", name, live.Addr()),
		)
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			stranger(t, live, func(conn *net.UDPConn, raw []byte, from netip.AddrPort) {
				_, _ = conn.WriteToUDPAddrPort(responseTo(raw, 200, "x"), from)
			})
			b := &bed{t: t}
			want := Info
			if first {
				want = Reservation
			}
			unhurried(t, func() (faults []string) {
				s := b.run(Plan{
					Local: at(n, 9), DNS: []netip.AddrPort{ns.Addr()},
					Far: []Far{{Name: "pbx", Subject: IPBX, URI: "sip:" + name + ".example", Host: name + ".example", Network: transport.UDP}},
				})
				f, _ := find(s, IPBX, text.StudyNames)
				if f.State != want || f.Values["case"] != "partly" || !strings.Contains(f.Values["silent"], dead.String()) {
					faults = append(faults, fmt.Sprintf("%s %v", f.State, f.Values))
				}
				if f, _ := find(s, IPBX, text.StudyOptions); f.State != OK || s.Targets[0].At != live.String()+" UDP" {
					faults = append(faults, fmt.Sprintf("OPTIONS: %s %v, %s", f.State, f.Values, s.Targets[0].At))
				}
				return faults
			})
		})
	}
}
