package preflight

import (
	"context"
	"errors"
	"fmt"
	"net"
	"testing"
	"time"

	"releve/cmd/internal/text"
	"releve/testbed/ipbx"
	"releve/testbed/phone"
)

// TestAnIPBXOverIPv6IsStudied: brackets everywhere, and nothing is held against it.
func TestAnIPBXOverIPv6IsStudied(t *testing.T) {
	t.Parallel()
	unhurried(t, func() (faults []string) {
		s, err := overIPv6(t)
		for try := 1; errors.Is(err, ErrBusyPort) && try < 5; try++ { // somebody took it meanwhile
			s, err = overIPv6(t)
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range s.Findings {
			if f.State == Reservation || f.State == NoGo {
				faults = append(faults, fmt.Sprintf("%s: %s %v", f.ID, f.State, f.Values))
			}
		}
		faults = append(faults, well(s, IPBX, text.StudyRecordRoute, text.StudyReinvite, text.StudyRouteBack, text.StudyNAT, text.StudyAudio)...)
		return append(faults, well(s, Registrar, text.StudySecondary)...)
	})
}

// well names those findings that are not ok.
func well(s *Study, subject Subject, ids ...ID) (faults []string) {
	for _, id := range ids {
		if f, _ := find(s, subject, id); f.State != OK {
			faults = append(faults, fmt.Sprintf("%s: %s %v", id, f.State, f.Values))
		}
	}
	return faults
}

func overIPv6(t *testing.T) (*Study, error) {
	t.Helper()
	held, err := net.ListenUDP("udp6", &net.UDPAddr{IP: net.IPv6loopback})
	if err != nil {
		t.Fatalf("this test needs ::1 on the loopback: %v", err)
	}
	local := held.LocalAddr().(*net.UDPAddr).AddrPort()
	_ = held.Close()
	x, err := ipbx.Start(ipbx.Config{
		Name: "pbx", Addr: "[::1]:0", Releve: local, RTP: true, Groups: map[string][]string{"5100": {"5001", "5002"}},
		Manners:   phone.Manners{Codecs: []string{phone.ALaw, phone.MuLaw, phone.TelephoneEvent}, Date: true, SessionExpires: 30 * time.Minute, Refresher: "uas"},
		Registrar: ipbx.Registrar{Users: map[string]string{"5001": "un", "5002": "deux"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = x.Close() })
	far := farAt("pbx", IPBX, x.Addr())
	return Run(context.Background(), Plan{
		Local: local, CallNumber: "5100", Held: 28 * time.Second, Far: []Far{far},
		Users: []User{
			{Role: "primary", AOR: "sip:5001@" + x.Addr().String(), Username: "5001", Password: "un"},
			{Role: "secondary", AOR: "sip:5002@" + x.Addr().String(), Username: "5002", Password: "deux"},
		},
	})
}
