package app

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"releve/cmd/internal/config"
	"releve/db/spool"
	"releve/health/alarm"
	"releve/router"
	"releve/router/control"
)

func TestAlarmsAreRaisedAndClearedOnceEach(t *testing.T) {
	s := still(t)
	m := s.node.mind
	e := &control.Effect{Kind: control.Alarm, Server: router.Primary, Alarm: control.AlarmSilent, On: true}
	m.alarmed(e)
	m.alarmed(e)
	if a := s.node.Alarms(t.Context()); len(a) != 1 || a[0].Number != 1001 || a[0].Object != "primary" {
		t.Errorf("%+v", a)
	}
	e.On = false
	m.alarmed(e)
	m.alarmed(e)
	if a := s.node.Alarms(t.Context()); len(a) != 0 {
		t.Errorf("%+v", a)
	}
	var codes []string
	for _, l := range s.journal() {
		code, _, _ := strings.Cut(l, " ")
		codes = append(codes, code)
	}
	if !slices.Equal(codes, []string{"alarm-raised", "alarm-cleared"}) {
		t.Errorf("%q", codes)
	}
}

// The end of the trouble with one IPBX once cleared the alarm about the other.
func TestAlarmsOfTwoIPBXsHaveNamesOfTheirOwn(t *testing.T) {
	s := still(t)
	s.node.cfg().IPBX = append(s.node.cfg().IPBX, config.IPBX{Name: "second"})
	m := s.node.mind
	seen := make(map[string]string)
	for _, n := range alarm.Numbers() {
		for _, server := range []router.Server{router.NoServer, router.Primary, router.Secondary} {
			for ipbx := range uint8(2) {
				about := fmt.Sprint(server)
				if n == alarm.IPBXSilent || (n >= alarm.BindingLapsing && n <= alarm.GrantTooLong || n == alarm.BindingUnkept) && server != router.NoServer {
					about += fmt.Sprint(ipbx)
				}
				if n == alarm.IPBXSilent && server != router.NoServer {
					continue
				}
				if aboutSite(n) {
					about = "the site"
				}
				object := fmt.Sprint(n, m.objectOf(&control.Effect{Alarm: uint16(n), Server: server, IPBX: ipbx}))
				if was, ok := seen[object]; ok && was != about {
					t.Errorf("%s is about %s and %s", object, was, about)
				}
				seen[object] = about
			}
		}
	}
}

func TestTroublesShareOneAlarm(t *testing.T) {
	s := still(t)
	m := s.node.mind
	bad := errors.New("no space left on device")
	m.troubled(saveFailed, true, bad)
	m.troubled(saveFailed, true, bad)
	m.recordsTroubled(spool.DiskFault, true, bad)
	m.troubled(saveFailed, false, nil)
	if !s.alarmed(alarm.StoreDown) {
		t.Error("cleared while the records still cannot be written")
	}
	// The role machine's own word on its save once ended the alarm of the others.
	m.alarmed(&control.Effect{Kind: control.Alarm, Alarm: uint16(alarm.StoreDown)})
	if !s.alarmed(alarm.StoreDown) {
		t.Error("cleared by a save that went through, while the records still cannot be written")
	}
	m.recordsTroubled(spool.DiskFault, false, nil)
	m.recordsTroubled(spool.Damaged, true, bad)
	if s.alarmed(alarm.StoreDown) {
		t.Error("still there; or damage, which has no end, raised it")
	}
	var codes []string
	for _, l := range s.journal() {
		code, _, _ := strings.Cut(l, " ")
		codes = append(codes, code)
	}
	if want := []string{"alarm-raised", "store-down", "alarm-cleared", "store-up", "internal-fault"}; !slices.Equal(codes, want) {
		t.Errorf("%q, want %q", codes, want)
	}
	for x := storeClosed; x <= recordsFirst<<spool.StoreFault; x <<= 1 {
		if x.String() == "unknown" {
			t.Errorf("trouble %d has no name", x)
		}
	}
}

// Stored alarms were once written over by the table of the run that had not read
// them yet, and those of this run forgotten when they were read.
func TestAlarmsOfThisRunStayOnTopOfTheStoredOnes(t *testing.T) {
	s := still(t)
	m := s.node.mind
	m.raise(alarm.Switched, "primary")
	stored := m.alarms.All()
	m.alarms = alarm.NewTable(0)
	m.raise(alarm.StoreDown, node)
	m.restoreAlarms(stored)
	if a := m.alarms.Active(); len(a) != 2 {
		t.Errorf("%+v", a)
	}
	m.clearAlarm(alarm.StoreDown, node)
	if a := m.alarms.Active(); len(a) != 1 || a[0].Number != uint16(alarm.Switched) {
		t.Errorf("%+v", a)
	}
}

func TestSaveOfAnotherProcessIsNotWrittenOver(t *testing.T) {
	s := still(t)
	m := s.boot()
	_, version := m.state.Stored()
	if version == 0 {
		t.Fatal("nothing was saved at the first start")
	}
	m.save(control.Effect{Kind: control.Save, Row: control.Row{Known: [router.Servers]bool{true, true, true}}, Version: version})
	got := m.results.take()
	if len(got) != 1 || got[0].Kind != control.SaveFailed || got[0].Version != version || !s.alarmed(alarm.StoreDown) {
		t.Errorf("%+v", got)
	}
}
