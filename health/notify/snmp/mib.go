package snmp

import (
	_ "embed" // the MIB
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/gosnmp/gosnmp"

	"releve/health/notify"
)

// DefaultRoot is where RELEVE-MIB stands until an enterprise number is assigned:
// the playpen that net-snmp keeps for what has none.
const DefaultRoot = "1.3.6.1.4.1.8072.9999.9999.5060"

//go:embed RELEVE-MIB.txt
var mib string

// rootLine is where the module of the file is given its number.
var rootLine = regexp.MustCompile(`(?m)^    ::= \{ enterprises [0-9 ]+ \}$`)

// MIB is the text of RELEVE-MIB (SMIv2, RFC 2578) with its objects under root;
// "": DefaultRoot. The error is about root, as CheckRoot.
func MIB(root string) (string, error) {
	if root == "" {
		root = DefaultRoot
	}
	if err := CheckRoot(root); err != nil {
		return "", err
	}
	arcs := strings.ReplaceAll(strings.TrimPrefix(root, enterprises), ".", " ")
	return rootLine.ReplaceAllString(mib, "    ::= { enterprises "+arcs+" }"), nil
}

// enterprises is private.enterprises (RFC 2578 §2).
const enterprises = "1.3.6.1.4.1."

// CheckRoot refuses what is no object identifier below enterprises, or has more
// than 20 numbers.
func CheckRoot(root string) error {
	below, ok := strings.CutPrefix(root, enterprises)
	arcs := strings.Split(below, ".")
	if !ok || len(arcs) > 20 {
		return fmt.Errorf("object identifier %q: write %sN, N being an enterprise number", root, enterprises)
	}
	for _, a := range arcs {
		if n, err := strconv.ParseUint(a, 10, 32); err != nil || strconv.FormatUint(n, 10) != a {
			return fmt.Errorf("object identifier %q: %q is no number of one", root, a)
		}
	}
	return nil
}

// Objects of RELEVE-MIB, under root.1; all are scalars that only notifications
// carry.
const (
	objNumber = iota + 1
	objSeverity
	objObject
	objTitle
	objSite
	objNode
	objTodo
	objTime
	objIncident
	objID
	objHeadline
	objUrgent
	objBy
	objNote
)

// Notifications of RELEVE-MIB, under root.0.
var notifications = map[notify.Kind]int{
	notify.Raised: 1, notify.Cleared: 2, notify.Acknowledged: 3, notify.Changed: 4, notify.Test: 5, notify.Reminder: 6,
}

// severities are the numbers of ItuPerceivedSeverity (RFC 3877 §5.4).
var severities = map[string]int{"indeterminate": 2, "critical": 3, "major": 4, "minor": 5, "warning": 6}

// cleared is ItuPerceivedSeverity of an alarm that ended.
const cleared = 1

func severity(n notify.Notice) int {
	if n.Kind == notify.Cleared {
		return cleared
	}
	if v, ok := severities[n.Severity]; ok {
		return v
	}
	return severities["indeterminate"]
}

// Longest texts, in bytes: all together stay below what one Ethernet frame
// carries, for a datagram in pieces is often lost at a firewall.
const (
	todoText  = 180
	titleText = 128
	midText   = 80
	idText    = 64
	nameText  = 48
)

// binds are the varbinds of a notice: sysUpTime.0 and snmpTrapOID.0 first (RFC
// 3416 §4.2.6), then the objects that RELEVE-MIB names, in its order.
func (s *Sink) binds(n notify.Notice, uptime uint32) []gosnmp.SnmpPDU {
	kind, ok := notifications[n.Kind]
	if !ok {
		kind = notifications[notify.Changed] // a kind that this MIB does not know: something changed
	}
	out := []gosnmp.SnmpPDU{
		{Name: "1.3.6.1.2.1.1.3.0", Type: gosnmp.TimeTicks, Value: uptime},
		{Name: "1.3.6.1.6.3.1.1.4.1.0", Type: gosnmp.ObjectIdentifier, Value: s.root + ".0." + strconv.Itoa(kind)},
	}
	number := func(object, v int) {
		out = append(out, gosnmp.SnmpPDU{Name: s.object(object), Type: gosnmp.Integer, Value: v})
	}
	text := func(object, most int, v string) {
		out = append(out, gosnmp.SnmpPDU{Name: s.object(object), Type: gosnmp.OctetString, Value: []byte(s.text(v, most))})
	}
	number(objNumber, int(n.Number))
	number(objSeverity, severity(n))
	text(objObject, idText, n.Object)
	text(objTitle, titleText, n.Title)
	text(objSite, nameText, n.Site)
	text(objNode, nameText, n.Node)
	text(objTodo, todoText, n.Todo)
	text(objTime, nameText, n.Time.UTC().Format(time.RFC3339))
	text(objIncident, idText, n.Incident)
	text(objID, idText, n.ID)
	text(objHeadline, midText, n.Headline)
	number(objUrgent, truth(n.Urgent))
	if n.Kind == notify.Acknowledged {
		text(objBy, idText, n.By)
		text(objNote, midText, n.Note)
	}
	return out
}

func (s *Sink) object(id int) string { return s.root + ".1." + strconv.Itoa(id) + ".0" }

func (s *Sink) text(v string, most int) string {
	if s.utf8 {
		return cut(plain(v), most)
	}
	return cut(fold(v), most)
}

// truth is TruthValue (RFC 2579).
func truth(b bool) int {
	if b {
		return 1
	}
	return 2
}
