package config

import (
	"cmp"
	"fmt"
	"slices"
)

// Code is the stable number of a fault; the sentence is in the catalogue.
type Code string

// The codes. Those that only advise are marked so; they never stop a start.
const (
	CodeUnreadable       Code = "CFG-001"
	CodeSyntax           Code = "CFG-002"
	CodeUnknownKey       Code = "CFG-003"
	CodeDuplicateKey     Code = "CFG-004"
	CodeWrongKind        Code = "CFG-005"
	CodeDuration         Code = "CFG-006"
	CodeRange            Code = "CFG-007"
	CodeUnknownValue     Code = "CFG-008"
	CodeMissing          Code = "CFG-009"
	CodeNotYet           Code = "CFG-010"
	CodeListen           Code = "CFG-011"
	CodeSIP              Code = "CFG-012"
	CodeHost             Code = "CFG-013"
	CodeUnquoted         Code = "CFG-014" // advice
	CodeNumber           Code = "CFG-015"
	CodeVersion          Code = "CFG-016"
	CodeAlias            Code = "CFG-017"
	CodeTooMany          Code = "CFG-018"
	CodeRoles            Code = "CFG-020"
	CodeNoSecondary      Code = "CFG-021"
	CodeLicence          Code = "CFG-022"
	CodeTooOld           Code = "CFG-023"
	CodeNoAnswer         Code = "CFG-024"
	CodeDuplicateName    Code = "CFG-025"
	CodeDuplicateAddress Code = "CFG-026"
	CodeInlineSecret     Code = "CFG-027"
	CodeSecret           Code = "CFG-028"
	CodeSecretSource     Code = "CFG-029"
	CodeUsersUnused      Code = "CFG-030"
	CodeUserMissing      Code = "CFG-031"
	CodeUserUnknown      Code = "CFG-032"
	CodeDirectory        Code = "CFG-033"
	CodeRejectStatus     Code = "CFG-034"
	CodeNoListener       Code = "CFG-035"
	CodeAdvertise        Code = "CFG-036"
	CodeOrder            Code = "CFG-037"
	CodeHoldShort        Code = "CFG-038" // advice
	CodeNoSwitchOn       Code = "CFG-039" // advice
	CodeMirror           Code = "CFG-040" // advice
	CodeSecretOpen       Code = "CFG-041" // advice
	CodeNoInline         Code = "CFG-042" // advice
	CodeSourceShared     Code = "CFG-043"
	CodeRescueLoop       Code = "CFG-044"
	CodeOptionsCheck     Code = "CFG-045"
	CodeKeyUnused        Code = "CFG-046"
	CodeAbsolute         Code = "CFG-047"
	CodeCharacter        Code = "CFG-048"
	CodeNoTCP            Code = "CFG-049" // advice
	CodeNoSources        Code = "CFG-050" // advice
	CodeTLSMissing       Code = "CFG-051"
	CodeTLSFile          Code = "CFG-052"
	CodeTLSExpired       Code = "CFG-053"
	CodeTLSEnding        Code = "CFG-054" // advice
	CodeIdentity         Code = "CFG-057"
	CodeIdentityUnused   Code = "CFG-058" // advice
	CodeNoSentinel       Code = "CFG-059" // advice
	CodeURL              Code = "CFG-070"
	CodePattern          Code = "CFG-071"
	CodeCheckLate        Code = "CFG-072" // advice
	CodeCheckShared      Code = "CFG-073" // advice
	CodePorts            Code = "CFG-080"
	CodePortTaken        Code = "CFG-081"
	CodeOneCall          Code = "CFG-082"
	CodeHoldPrompt       Code = "CFG-083"
	CodeMirrorLevel      Code = "CFG-110"
	CodeMirrorTable      Code = "CFG-111"
	CodeSize             Code = "CFG-112"
	CodeMirrorPair       Code = "CFG-113"
	CodeMirrorBeat       Code = "CFG-114"
	CodeMirrorLag        Code = "CFG-115"
	CodeDatabaseTLS      Code = "CFG-116"
	CodeCopyLevel        Code = "CFG-140"
	CodeDrillLevel       Code = "CFG-141"
	CodeLevelLacks       Code = "CFG-090"
	CodeAnalogue         Code = "CFG-091"
	CodeAnalogueUnseen   Code = "CFG-092" // advice
	CodeGatewayFirst     Code = "CFG-093"
	CodeNoRegistrar      Code = "CFG-094"
	CodeAdminListen      Code = "CFG-160"
	CodeAdminOpen        Code = "CFG-161"
	CodeAdminUser        Code = "CFG-162"
	CodeAdminPassword    Code = "CFG-163"
	CodeWallToken        Code = "CFG-164"
	CodeHostPort         Code = "CFG-120"
	CodeMailbox          Code = "CFG-121"
	CodeClearPassword    Code = "CFG-122"
	CodeHook             Code = "CFG-123"
	CodeHookOpen         Code = "CFG-124"
	CodeHookIdle         Code = "CFG-125" // advice
	CodeStoreURL         Code = "CFG-150"
	CodeStoreTwo         Code = "CFG-151"
	CodeStoreBare        Code = "CFG-152" // advice
	CodeStoreNode        Code = "CFG-153"
	CodeOID              Code = "CFG-130"
	CodeEngineID         Code = "CFG-131"
	CodeOtherVersion     Code = "CFG-132"
	CodeShortSecret      Code = "CFG-133"
	CodeHookURL          Code = "CFG-134"
	CodeURLToken         Code = "CFG-135" // advice
	CodeSDID             Code = "CFG-136"
)

// Problem is one fault, or one piece of advice, at its place in the file.
type Problem struct {
	File    string `json:"file"`
	Line    int    `json:"line"` // from 1; 0: no place (a Config that was not read from a file)
	Col     int    `json:"col"`  // from 1, in characters
	Code    Code   `json:"code"`
	Path    string `json:"path"`   // e.g. servers[1].lines
	Advice  bool   `json:"advice"` // true: the configuration is accepted all the same
	Message string `json:"message"`
}

// String prints file:line:col [CODE] message.
func (p Problem) String() string {
	return fmt.Sprintf("%s:%d:%d [%s] %s", p.File, p.Line, p.Col, p.Code, p.Message)
}

// Faulty says whether one of the problems is more than advice.
func Faulty(problems []Problem) bool {
	return slices.ContainsFunc(problems, func(p Problem) bool { return !p.Advice })
}

// place is where a value stands in the file.
type place struct{ line, col int }

// inFileOrder sorts problems as a reader goes through the file.
func inFileOrder(problems []Problem) {
	slices.SortStableFunc(problems, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Col, b.Col), cmp.Compare(a.Code, b.Code))
	})
}

// nearest returns the word of choices closest to s, "" when none is near: at
// most a third of the letters changed, and at most three.
func nearest(s string, choices []string) string {
	if len(s) > 64 {
		return ""
	}
	best, found := min(3, max(1, len(s)/3))+1, ""
	for _, c := range choices {
		if d := distance(s, c); d < best {
			best, found = d, c
		}
	}
	return found
}

// distance is the number of letters to add, remove, change or swap with their
// neighbour (optimal string alignment).
func distance(a, b string) int {
	before := make([]int, len(b)+1)
	last := make([]int, len(b)+1)
	row := make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
