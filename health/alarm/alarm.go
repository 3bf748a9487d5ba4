// Package alarm is the alarm catalogue (stable numbers, severities of ITU-T
// X.733) and the table of alarms: raised, acknowledged, cleared. Sentences are
// in the text catalogue, under the same numbers.
//
//	        Raise                Clear
//	(none) ──────► active ───────────────────────► cleared ──► (evicted, oldest first)
//	                 │  ▲         flapping: Clear      ▲
//	                 │  └── Raise ──┐                  │ Tick, after Quiet
//	                 └──────────► settling ────────────┘
//
// An alarm that comes and goes (Flaps raises within FlapWindow) stays active
// until it has been quiet for Quiet: it is told once, not a hundred times, and
// never hidden while its cause is there. To acknowledge is not to clear.
//
// Pure: the clock is an argument. A Table is owned by one user, who guards it;
// it is not safe for concurrent use.
package alarm

// Number identifies a kind of alarm. A number that was given is never reused.
type Number uint16

// The catalogue.
const (
	ServerSilent      Number = 1001 // a voice server no longer answers
	NobodyServes      Number = 1002 // neither server serves
	ServerMute        Number = 1003 // answers checks, serves no calls (GRAY, DEGRADED)
	ServerSlow        Number = 1004
	Switched          Number = 1005 // an automatic switchover was made
	ReturnPossible    Number = 1006
	Flapping          Number = 1007 // a server fails and comes back
	SecondaryNotReady Number = 1008
	SelfSick          Number = 1009 // Relève itself is cut off or slowed down
	IPBXSilent        Number = 1010
	BindingLapsing    Number = 1011
	BindingRefused    Number = 1012 // wrong password, forbidden, unknown user
	ForeignBinding    Number = 1013 // a Contact that is not ours, or the passive user's: overlap
	GrantTooLong      Number = 1014 // the IPBX grants more than max_grant
	PassiveCalls      Number = 1015 // the passive server tried to place a call
	Misprovisioned    Number = 1016 // 403 or 404 for a service number
	MoveStuck         Number = 1017 // the licence's move waits for a fence
	TLSFault          Number = 1018
	BothPresent       Number = 1019 // level backup: only one server is expected
	MirrorLag         Number = 1020
	StoreDown         Number = 1021
	MainDatabaseDown  Number = 1022
	PasswordRefused   Number = 1023 // the IPBX refuses the password of a server's calls
	Unregistered      Number = 1024 // mode gate: a voice server no longer registers at Relève
	BindingUnkept     Number = 1025 // the IPBX grants the registration and does not list it
	CheckFailed       Number = 1026 // a check of a server failed, verification.count times in a row
	LinesDiffer       Number = 1027 // a server has shown another number of lines than the file says
	MirrorDown        Number = 1028 // the mirror cannot be reached
	MirrorBroken      Number = 1029 // it is no mirror of the main: stopped, promoted, of another; or it cannot be watched
	SecondaryDataOld  Number = 1032 // level backup: the copy at the secondary is older than backup_data.max_age, or nobody recorded one
	PeerAbsent        Number = 1030
	TwoMasters        Number = 1031
	DatabaseSpace     Number = 1036 // what SQL tells of disk space
	CertificateEnding Number = 1040 // warning; RaiseAs Major below seven days
	ClockAdrift       Number = 1041
	DiskFilling       Number = 1042
	NameStale         Number = 1043 // DNS is silent: the last addresses of a name serve on
	NameLost          Number = 1044 // a name has no address, not even an old one
	CertificateBroken Number = 1045 // new certificate files cannot be used: the former ones serve on
	ConfigRefused     Number = 1050
	ManyRefused       Number = 1060
	UnknownSource     Number = 1061
	LimitReached      Number = 1062 // a table or queue of ours is full
	InternalFault     Number = 1063 // a panic ended one call
	SourceFlood       Number = 1064 // a source sends more than limits.source_rate: the excess is dropped
	Overloaded        Number = 1065 // new calls are shed to protect those in progress
	Frozen            Number = 1066 // a panic ended the decisions: roles and registration stay as they are
	LoginRefused      Number = 1067 // somebody tries passwords at the alarm screen
	BackupFailed      Number = 1070
	SilenceLong       Number = 1071 // an intervention was left open: notices silenced, or roles frozen, for more than a day
	SinkDown          Number = 1072 // a receiver does not take our notices
	NoticesDropped    Number = 1073 // the queue of a receiver was full
	Exercise          Number = 1080
	ExerciseFailed    Number = 1081 // the last exercise did not go well
	ExerciseOverdue   Number = 1082 // none for drill.every
)

// Severity is a perceived severity of ITU-T X.733, as Centreon's plugins map it.
type Severity string

// The severities, from the gravest.
const (
	Critical      Severity = "critical"
	Major         Severity = "major"
	Minor         Severity = "minor"
	Warning       Severity = "warning"
	Indeterminate Severity = "indeterminate"
)

// rank: 0 is the gravest; a word that is no severity ranks last.
func (s Severity) rank() int {
	for i, known := range [...]Severity{Critical, Major, Minor, Warning} {
		if s == known {
			return i
		}
	}
	return 4
}

// Numbers returns the catalogue in rising order.
func Numbers() []Number {
	return []Number{
		ServerSilent, NobodyServes, ServerMute, ServerSlow, Switched, ReturnPossible, Flapping, SecondaryNotReady,
		SelfSick, IPBXSilent, BindingLapsing, BindingRefused, ForeignBinding, GrantTooLong, PassiveCalls,
		Misprovisioned, MoveStuck, TLSFault, BothPresent, MirrorLag, StoreDown, MainDatabaseDown, PasswordRefused, Unregistered, BindingUnkept, CheckFailed, LinesDiffer, MirrorDown, MirrorBroken, PeerAbsent,
		TwoMasters, SecondaryDataOld, DatabaseSpace, CertificateEnding, ClockAdrift, DiskFilling, NameStale, NameLost, CertificateBroken,
		ConfigRefused, ManyRefused, UnknownSource, LimitReached, InternalFault, SourceFlood, Overloaded,
		Frozen, LoginRefused, BackupFailed, SilenceLong, SinkDown, NoticesDropped, Exercise, ExerciseFailed, ExerciseOverdue,
	}
}

// Severity of a number when nothing else is said; Indeterminate for a number
// that the catalogue does not hold.
func (n Number) Severity() Severity {
	switch n {
	case NobodyServes, ForeignBinding, StoreDown, MainDatabaseDown, TwoMasters, Frozen:
		return Critical
	case ServerSilent, ServerMute, Switched, Flapping, SecondaryNotReady, SelfSick, IPBXSilent, BindingRefused,
		PassiveCalls, Misprovisioned, MoveStuck, TLSFault, BothPresent, MirrorLag, PeerAbsent, LimitReached, InternalFault,
		NameLost, CertificateBroken, Overloaded, PasswordRefused, Unregistered, BindingUnkept, ExerciseFailed, SinkDown, MirrorDown, MirrorBroken:
		return Major
	case ServerSlow, DatabaseSpace, CheckFailed, LinesDiffer, BindingLapsing, GrantTooLong, ClockAdrift, DiskFilling, ConfigRefused, BackupFailed, NameStale, NoticesDropped:
		return Minor
	case ReturnPossible, SilenceLong, CertificateEnding, ManyRefused, UnknownSource, SourceFlood, LoginRefused, SecondaryDataOld, ExerciseOverdue:
		return Warning
	}
	return Indeterminate
}
