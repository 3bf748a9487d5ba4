package snmp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/gosnmp/gosnmp"

	"releve/health/notify"
	"releve/health/notify/udp"
)

// Options of a Sink.
type Options struct {
	Target  string // host:port of one receiver
	Version string // "2c" or "3"
	Inform  bool   // ask the receiver to confirm
	UTF8    bool   // leave accents in the texts
	Root    string // object identifier of RELEVE-MIB; "": DefaultRoot
	Engine  *Engine

	Community string // of 2c

	// Of 3. AuthPassword "": nothing is authenticated; PrivPassword "": nothing
	// is encrypted. Passwords have 8 characters at least (RFC 3414 §11.2).
	User, Auth, AuthPassword, Priv, PrivPassword string
}

// AuthNames and PrivNames are the protocols, the first is the one to take
// (RFC 7860, RFC 3826; AES-192 and -256 as in draft-blumenthal-aes-usm-04).
func AuthNames() []string { return []string{"SHA256", "SHA384", "SHA512", "SHA224", "SHA", "MD5"} }

// PrivNames are the ways to encrypt. With a hash that is shorter than the key, the
// key of AES192 and AES256 is lengthened as draft-blumenthal-aes-usm-04 §3.1.2.1
// says (net-snmp: AES-192, AES-256), that of AES192C and AES256C as
// draft-reeder-snmpv3-usm-3desede-00 §2.1 does (net-snmp: AES-192-C, AES-256-C;
// Cisco and much else); with SHA256 or longer both are the same.
func PrivNames() []string { return []string{"AES", "AES192", "AES256", "AES192C", "AES256C", "DES"} }

var authProtocols = map[string]gosnmp.SnmpV3AuthProtocol{
	"MD5": gosnmp.MD5, "SHA": gosnmp.SHA, "SHA224": gosnmp.SHA224, "SHA256": gosnmp.SHA256,
	"SHA384": gosnmp.SHA384, "SHA512": gosnmp.SHA512,
}

var privProtocols = map[string]gosnmp.SnmpV3PrivProtocol{
	"DES": gosnmp.DES, "AES": gosnmp.AES, "AES192": gosnmp.AES192, "AES256": gosnmp.AES256,
	"AES192C": gosnmp.AES192C, "AES256C": gosnmp.AES256C,
}

// Bounds of what receivers take, in bytes.
const (
	MaxCommunity = 64
	MaxUser      = 32 // RFC 3414 §5, usmUserName
	MinPassword  = 8
)

// An inform is sent three times, this far apart, our choice.
const (
	informWait    = 2 * time.Second
	informRetries = 2
)

// Sink sends to one receiver.
type Sink struct {
	o      Options
	host   string
	port   uint16
	root   string
	utf8   bool
	answer atomic.Pointer[string]
}

var _ notify.Sink = (*Sink)(nil)

// New returns a Sink; nothing is sent before the first Send.
func New(o Options) (*Sink, error) {
	host, service, err := net.SplitHostPort(o.Target)
	if err != nil {
		return nil, fmt.Errorf("SNMP receiver %q: %w; write host:port", o.Target, err)
	}
	port, err := strconv.ParseUint(service, 10, 16)
	if err != nil || port == 0 || host == "" {
		return nil, fmt.Errorf("SNMP receiver %q: write host:port", o.Target)
	}
	s := &Sink{o: o, host: host, port: uint16(port), root: o.Root, utf8: o.UTF8}
	if s.root == "" {
		s.root = DefaultRoot
	}
	if err := CheckRoot(s.root); err != nil {
		return nil, err
	}
	if o.Engine == nil {
		return nil, errors.New("an SNMP sink without an engine: open one first")
	}
	return s, s.check()
}

// check refuses what no receiver would take.
func (s *Sink) check() error {
	o := s.o
	switch o.Version {
	case "2c":
		if o.Community == "" || len(o.Community) > MaxCommunity {
			return fmt.Errorf("SNMP community: write 1 to %d characters", MaxCommunity)
		}
		return nil
	case "3":
	default:
		return fmt.Errorf("SNMP version %q: write 2c or 3", o.Version)
	}
	_, knownAuth := authProtocols[o.Auth]
	_, knownPriv := privProtocols[o.Priv]
	switch {
	case o.User == "" || len(o.User) > MaxUser:
		return fmt.Errorf("SNMP user: write 1 to %d characters", MaxUser)
	case o.AuthPassword != "" && !knownAuth:
		return fmt.Errorf("SNMP authentication %q: one of %s", o.Auth, strings.Join(AuthNames(), ", "))
	case o.PrivPassword != "" && !knownPriv:
		return fmt.Errorf("SNMP encryption %q: one of %s", o.Priv, strings.Join(PrivNames(), ", "))
	case o.PrivPassword != "" && o.AuthPassword == "":
		return errors.New("SNMP: encryption without authentication is no level of security (RFC 3411 §3.4.3)")
	case o.AuthPassword != "" && len(o.AuthPassword) < MinPassword, o.PrivPassword != "" && len(o.PrivPassword) < MinPassword:
		return fmt.Errorf("SNMP password: at least %d characters (RFC 3414 §11.2)", MinPassword)
	}
	return nil
}

// Confirmed reports whether the receiver says that it got what was sent.
func (s *Sink) Confirmed() bool { return s.o.Inform }

// Answer says what is known of the newest Send that went well.
func (s *Sink) Answer() string {
	if a := s.answer.Load(); a != nil {
		return *a
	}
	return ""
}

// Send implements notify.Sink: one notification a notice, in order.
func (s *Sink) Send(ctx context.Context, notices []notify.Notice) error {
	if len(notices) == 0 {
		return nil
	}
	session := s.session(ctx)
	if err := session.Connect(); err != nil {
		return s.explain(ctx, err)
	}
	conn := session.Conn
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	for _, n := range notices {
		if err := s.send(session, n); err != nil {
			return s.explain(ctx, err)
		}
	}
	answer := "inform confirmed by " + s.o.Target
	if !s.o.Inform {
		if err := udp.Settle(ctx, conn); err != nil {
			return s.explain(ctx, err)
		}
		answer = "trap sent to " + s.o.Target + "; nothing confirms a trap: look at the receiver, or set inform: true"
		if s.o.Version == "3" {
			answer += "; our engine id: " + s.o.Engine.ID()
		}
	}
	s.answer.Store(&answer)
	return nil
}

// send sends one notification, and waits for its confirmation when it is an
// inform.
func (s *Sink) send(session *gosnmp.GoSNMP, n notify.Notice) error {
	now := time.Now()
	if usm, ok := session.SecurityParameters.(*gosnmp.UsmSecurityParameters); ok && !s.o.Inform {
		usm.AuthoritativeEngineTime = s.o.Engine.seconds(now)
	}
	got, err := session.SendTrap(gosnmp.SnmpTrap{Variables: s.binds(n, s.o.Engine.ticks(now)), IsInform: s.o.Inform})
	switch {
	case err != nil || !s.o.Inform:
		return err
	case got.PDUType != gosnmp.GetResponse:
		return fmt.Errorf("the receiver answered an inform with something else (%v)", got.PDUType)
	case got.Error != gosnmp.NoError:
		return fmt.Errorf("the receiver refused the inform: %v", got.Error)
	}
	return nil
}

// session is a connection to be made.
func (s *Sink) session(ctx context.Context) *gosnmp.GoSNMP {
	g := &gosnmp.GoSNMP{
		Target: s.host, Port: s.port, Transport: "udp", Context: ctx,
		Version: gosnmp.Version2c, Community: s.o.Community,
		Timeout: informWait, Retries: informRetries,
	}
	if s.o.Version != "3" {
		return g
	}
	e := s.o.Engine
	usm := &gosnmp.UsmSecurityParameters{
		UserName: s.o.User, AuthenticationProtocol: gosnmp.NoAuth, PrivacyProtocol: gosnmp.NoPriv,
	}
	g.Version, g.SecurityModel, g.SecurityParameters = gosnmp.Version3, gosnmp.UserSecurityModel, usm
	g.MsgFlags, g.ContextEngineID, g.Community = gosnmp.NoAuthNoPriv, string(e.id), ""
	if s.o.AuthPassword != "" {
		g.MsgFlags = gosnmp.AuthNoPriv
		usm.AuthenticationProtocol, usm.AuthenticationPassphrase = authProtocols[s.o.Auth], s.o.AuthPassword
	}
	if s.o.PrivPassword != "" {
		g.MsgFlags = gosnmp.AuthPriv
		usm.PrivacyProtocol, usm.PrivacyPassphrase = privProtocols[s.o.Priv], s.o.PrivPassword
	}
	if !s.o.Inform { // of an inform the receiver is authoritative: gosnmp asks it
		usm.AuthoritativeEngineID, usm.AuthoritativeEngineBoots = string(e.id), e.boots
	}
	return g
}

// refusals are what a receiver says about our settings: it will not change its
// mind.
var refusals = []error{
	gosnmp.ErrUnknownUsername, gosnmp.ErrWrongDigest, gosnmp.ErrDecryption,
	gosnmp.ErrUnknownSecurityLevel, gosnmp.ErrUnknownSecurityModels,
}

// explain says what failed in one line.
func (s *Sink) explain(ctx context.Context, err error) error {
	about := "SNMP to " + s.o.Target
	text, _, _ := strings.Cut(err.Error(), " Stack:") // gosnmp adds every stack to what it recovers from
	isRefusal := func(known error) bool { return errors.Is(err, known) }
	// What says "unknown user" is itself not authenticated, and gosnmp says that.
	unproved := strings.Contains(text, "packet is not authentic")
	switch {
	case unproved, slices.ContainsFunc(refusals, isRefusal):
		return fmt.Errorf("%w: %s: the receiver refuses user %q: %s", notify.ErrPermanent, about, s.o.User, text)
	case ctx.Err() != nil, errors.Is(err, gosnmp.ErrMaxRetriesExceeded), errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("%s: no confirmation came (%s)", about, text)
	}
	return fmt.Errorf("%s: %s", about, text)
}
