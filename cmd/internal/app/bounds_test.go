package app

import (
	"bytes"
	"io/fs"
	"maps"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"releve/cmd/internal/config"
)

// root is the repository, from here.
const root = "../../.."

// bounds is every bound in the program, with the series that counts what it
// refused, or why nothing is lost by it. A new constant max… or a new key under
// limits must have a line here.
var bounds = map[string]string{
	"limits.CallsPerSecond":       `releve_refused_total{limit="new-calls"}`,
	"limits.SourceRate":           `releve_source_dropped_total{source="ipbx"}`,
	"limits.SourceBurst":          `releve_source_dropped_total{source="ipbx"}`,
	"limits.Strangers":            `releve_strangers_total`,
	"limits.Connections":          `releve_limit_refused_total{limit="connections"}`,
	"limits.ConnectionsPerSource": `releve_wire_total{event="over-source"}`,
	"limits.MessageSize":          `releve_limit_refused_total{limit="message-size"}`,
	"limits.Headers":              `releve_limit_refused_total{limit="headers"}`,
	"limits.Vias":                 `releve_limit_refused_total{limit="vias"}`,
	"limits.URI":                  `releve_limit_refused_total{limit="uri"}`,
	"limits.Line":                 `releve_limit_refused_total{limit="line"}`,
	"limits.Transactions":         `releve_limit_refused_total{limit="transactions"}`,
	"limits.HeldCalls":            `releve_limit_refused_total{limit="held-calls"}`,

	"cmd/internal/app/explained.go maxAfter":           "so many are shown",
	"cmd/internal/app/explained.go maxReported":        "the report says that it is cut",
	"cmd/internal/app/mind.go maxJobs":                 `releve_limit_refused_total{limit="jobs"}`,
	"cmd/internal/app/names.go maxOpen":                `releve_limit_refused_total{limit="sockets-of-names"}`,
	"cmd/internal/admin/door.go maxHeader":             "the request is answered 431",
	"cmd/internal/admin/door.go maxBody":               "the request is answered 413",
	"cmd/internal/admin/door.go maxList":               "the request is answered 400",
	"cmd/internal/admin/handle.go maxReason":           "the request is answered 400",
	"cmd/internal/admin/page/view.go maxLines":         "so many are shown",
	"cmd/internal/admin/page/view.go maxWallAlarms":    "the wallboard says how many more there are",
	"cmd/internal/admin/page/view.go maxWallVerdict":   "a longer one has smaller letters",
	"cmd/internal/admin/page/view.go maxWallLines":     "so many are shown",
	"cmd/internal/admin/web/acknowledge.go maxComment": "the request is answered 422",
	"cmd/internal/admin/web/acknowledge.go maxTyped":   "the request is answered 422",
	"cmd/internal/admin/web/login.go maxAttempts":      `releve_screen_total{event="login-refused"}`,
	"cmd/internal/admin/web/login.go maxRefused":       `releve_screen_total{event="login-refused"}`,
	"cmd/internal/admin/web/login.go maxSources":       `releve_screen_total{event="login-refused"}`,
	"cmd/internal/admin/web/login.go maxFile":          "a longer file is no hash and no token",
	"cmd/internal/admin/web/login.go maxFiles":         "all are read again",
	"cmd/internal/admin/web/session.go maxSessions":    "who was seen longest ago logs in again",
	"cmd/internal/admin/web/web.go maxBody":            "the request is answered 413",
	"cmd/internal/admin/web/web.go maxHeader":          "the request is answered 431",
	"cmd/internal/config/admin.go maxUserName":         "a fault of the file",
	"cmd/internal/admin/client/client.go maxAnswer":    "an error of the command",
	"cmd/internal/app/sample.go maxShown":              "the rest of one class says nothing more",
	"cmd/internal/config/check_tls.go maxPEM":          "a fault of the file",
	"cmd/internal/config/load.go maxFile":              "a fault of the file",
	"cmd/internal/config/reader.go maxList":            "a fault of the file",
	"cmd/internal/config/check_files.go maxSecret":     "a fault of the file",
	"cmd/releve/log.go maxLines":                       "the next line that gets through says how many",
	"db/spool/frame.go maxBody":                        `releve_limit_refused_total{limit="records"}`,
	"cmd/internal/app/checks.go maxChecksLine":         "the rest of what checks said in a round is not kept",
	"cmd/internal/archive/archive.go maxManifest":      "the file is refused",
	"cmd/internal/archive/archive.go maxConfig":        "the file is refused",
	"cmd/internal/archive/archive.go maxState":         "the file is refused",
	"db/postgres/framed.go maxMessage":                 "what says more is no PostgreSQL: the store counts as down (alarm 1021)",
	"db/postgres/postgres.go maxConns":                 "nothing is refused: a query waits, for as long as it may take",
	"cmd/internal/config/checks.go maxURL":             "a fault of the file",
	"cmd/internal/config/checks.go maxQuery":           "a fault of the file",
	"cmd/internal/plugin/plugin.go maxLine":            "the rest is not shown",
	"health/notify/snmp/engine.go maxBoots":            "4,000 years away",
	"health/notify/syslog/message.go maxNote":          "a text is cut for one receiver",
	"health/notify/syslog/message.go maxValue":         "a text is cut for one receiver",
	"health/notify/syslog/syslog.go maxDatagram":       "a text is cut for one receiver",
	"health/notify/syslog/syslog.go maxStream":         "a text is cut for one receiver",
	"health/notify/syslog/syslog.go maxSaid":           "the rest is not read",
	"health/notify/webhook/webhook.go maxBody":         "the rest is not read",
	"health/notify/webhook/webhook.go maxHeader":       "the receiver is at fault, and its notices are sent again",
	"health/notify/webhook/webhook.go maxLine":         "the rest is not shown",
	"health/probe/http.go maxBody":                     "the rest of a body is not looked at",
	"cmd/internal/admin/procedure.go maxOutcome":       "the request is refused: API-040",
	"cmd/internal/app/marks.go maxMarks":               "the file is refused whole, and the log says so",
	"cmd/releve/procedure_operator.go maxAnswers":      "the rest of a file of answers is not read, and what is cut short is refused",
	"health/probe/plugin.go maxOutput":                 "the rest of what a plugin prints is not shown",
	"health/probe/probe.go maxNote":                    "the rest of what a check says is not shown",
	"health/probe/runner.go maxPlugins":                `releve_limit_refused_total{limit="plugins"}`,
	"health/probe/sql.go maxMessage":                   "the check fails and says so",
	"proxy/agent/agent.go maxPending":                  `releve_limit_refused_total{limit="own-requests"}`,
	"proxy/agent/closed.go maxClosed":                  "none: a configured peer each, and beyond it a silence stays a silence",
	"proxy/agent/invite.go maxCalls":                   `releve_limit_refused_total{limit="own-requests"}`,
	"proxy/agent/invited.go maxStrangers":              "a further callee's repeat gets another BYE",
	"proxy/media/ear.go maxDatagram":                   "the rest of a packet is not heard",
	"proxy/media/player.go maxListeners":               `releve_limit_refused_total{limit="prompts"}`,
	"proxy/media/sdp.go maxStreams":                    "the caller hears no prompt",
	"proxy/media/sequence.go maxDropout":               "the source is said to have begun anew",
	"proxy/media/sequence.go maxMisorder":              "the source is said to have begun anew",
	"proxy/challenge.go maxRealms":                     "the challenge goes to the server",
	"proxy/challenge.go maxAnswers":                    "the challenge goes to the server",
	"proxy/renumber.go maxCSeq":                        "the challenge goes to the server",
	"proxy/dead.go maxRoutes":                          "the IPBX ends such a call itself",
	"proxy/dialog/table.go maxEnded":                   `releve_limit_refused_total{limit="ended-calls"}`,
	"proxy/digest/parse.go maxParams":                  "a malformed challenge",
	"proxy/gate.go maxRegistrations":                   `releve_limit_refused_total{limit="registrations"}`,
	"proxy/manners.go maxSpared":                       "a time: more is not honoured",
	"proxy/mark.go maxIndex":                           "an index that is longer is begun anew",
	"proxy/message/token.go maxToken":                  "the size of what we write",
	"proxy/message/via.go maxVias":                     "more do not fit into a message",
	"proxy/message/request.go maxForwards":             "the value of RFC 3261 §8.1.1.6",
	"proxy/overload.go maxTurned":                      `releve_limit_refused_total{limit="turned-away"}`,
	"proxy/park.go maxParked":                          `releve_limit_refused_total{limit="names"}`,
	"proxy/peers.go maxTargets":                        "the addresses of least priority are not tried",
	"proxy/peers.go maxFormer":                         "addresses that a name left longest ago",
	"proxy/perform.go maxSteps":                        `releve_limit_refused_total{limit="steps"}`,
	"proxy/register/pass.go maxOffers":                 `releve_limit_refused_total{limit="registrations"}`,
	"proxy/register/register.go maxBindings":           "all are read, so many are shown",
	"proxy/resolve/answer.go maxCNAME":                 "the name has no address: alarm 1044",
	"proxy/resolve/answer.go maxNegative":              "a time: asked for again sooner",
	"proxy/resolve/answer.go maxRecords":               "records beyond it are not used",
	"proxy/resolve/answer.go maxTTL":                   "a time: asked for again sooner",
	"proxy/resolve/hosts.go maxHostAddrs":              "addresses beyond it are not used",
	"proxy/resolve/hosts.go maxHostsBytes":             "lines beyond it are not read",
	"proxy/resolve/resolve.go maxLookups":              `releve_limit_refused_total{limit="names"}`,
	"proxy/resolve/resolve.go maxNames":                `releve_limit_refused_total{limit="names-forgotten"}`,
	"proxy/resolve/resolve.go maxQuestions":            "the look-up fails: alarm 1043 or 1044",
	"proxy/resolve/resolve.go maxServers":              "an error at the start",
	"proxy/resolve/resolve.go maxSockets":              "questions wait for one",
	"proxy/resolve/resolve.go maxWaiting":              `releve_limit_refused_total{limit="names"}`,
	"proxy/resolve/server.go maxDatagram":              "asked again over TCP",
	"proxy/resolve/server.go maxForeign":               "asked again over TCP",
	"proxy/shard.go maxFree":                           "buffers beyond it are the collector's",
	"proxy/reuse.go maxIdle":                           "contexts beyond it are the collector's",
	"proxy/shard.go maxMail":                           `releve_refused_total{limit="events"}`,
	"proxy/transport/icmp.go maxErrors":                "the rest is read the next time",
	"proxy/transport/open.go maxReports":               `releve_wire_total{event="reports-lost"}`,
	"proxy/transport/send.go maxDatagram":              `releve_limit_refused_total{limit="message-size"}`,
	"proxy/transport/send.go maxTries":                 `releve_wire_total{event="dropped-unreachable"}`,
	"proxy/transport/udp.go maxFaults":                 "reading pauses, and goes on",
	"router/licence/state.go maxAuths":                 "the request failed: alarm 1012",
	"router/licence/state.go maxFails":                 "a counter stops there",
	"router/licence/state.go maxRetry":                 "a time: more is not honoured",

	"cmd/internal/app/notices.go maxMemory":           "the file is set aside, the log says so: what stands is told again",
	"cmd/internal/app/notices.go maxPending":          `releve_notices_untold_total`,
	"cmd/internal/config/alarms.go maxHooks":          "a fault of the directory",
	"cmd/internal/config/alarms.go maxRecipients":     "a fault of the file",
	"cmd/internal/config/mirror.go maxStandby":        "a fault of the file",
	"cmd/internal/preflight/names.go maxTargets":      "Relève goes on to the others; the study asks the first eight",
	"cmd/internal/preflight/heard.go maxValue":        "the rest of a stranger's word is not in the report",
	"cmd/internal/preflight/ipbxlane.go maxPresented": "the caller gives up: a finding",
	"cmd/internal/preflight/station.go maxLog":        "the study judges by what came before",
	"cmd/internal/preflight/station.go maxServed":     "a repeat may be taken for new: the study is over soon",
	"cmd/internal/preflight/station.go maxWaiting":    "an error of the study",
	"cmd/releve/preflight.go maxAnswersFile":          "an error of the verb",
	"cmd/releve/preflight.go maxPassword":             "an error of the verb",
	"cmd/releve/preflight.go maxAuthorities":          "an error of the verb",
	"health/notify/hook/hook.go maxOutput":            "the rest of what a program says is not shown",
	"health/notify/mail/mail.go maxSaid":              "the sending failed: releve_notices_failed_total",
	"health/notify/mail/message.go maxReferences":     "a digest names its first incidents",
	"health/notify/mail/message.go maxMessage":        "what does not fit loses its text before its line, the least grave first, and the mail says so",
	"health/notify/queue.go maxFile":                  "the file is set aside, the log says so",
	"health/mirror/heartbeat.go maxNode":              "the rest of a host's name does not stand in its row",
	"health/mirror/lag.go maxMarks":                   "every other mark is forgotten: a long lag is told less finely",
	"health/mirror/mysql.go maxStatus":                "the state of the replication is not told",
	"health/mirror/postgres.go maxBody":               "what answers is no database: it is told as down",
	"health/mirror/reach.go maxCause":                 "the rest of what a database says of an error is not shown",
	"health/mirror/reach.go maxRead":                  "what answers is no database: it is told as down",

	"the waiting list (a quarter of the lines)": `releve_limit_refused_total{limit="waiting"}`,
	"the loop guard (dialog.Limits)":            `releve_limit_refused_total{limit="loop-guard"}`,
	"calls in progress (dialog.Limits)":         `releve_refused_total{limit="dialogs"}`,
	"ports for sound (media.ports)":             `releve_limit_refused_total{limit="media-ports"}`,
	"the spool (spool.Options)":                 `releve_limit_refused_total{limit="records"}`,
	"the alarm table (alarm.DefaultLimit)":      `releve_limit_refused_total{limit="alarms"}`,
	"the admin door (admin.MaxConnections)":     `releve_limit_refused_total{limit="admin"}`,
	"browsers (web.MaxConnections, MaxStreams)": `releve_limit_refused_total{limit="screens"}`,
	"what waits on a connection":                `releve_wire_total{event="dropped-queue"}`,
	"the socket's buffers":                      `releve_wire_total{event="dropped-kernel"}`,
	"time for a message":                        `releve_wire_total{event="slow-messages"}`,
	"time to take what we send":                 `releve_wire_total{event="stuck-writers"}`,
	"time for an acknowledgement":               `releve_wire_total{event="vanished"}`,
	"time for a handshake":                      `releve_wire_total{event="handshakes-slow"}`,
	"handshakes that fail":                      `releve_wire_total{event="handshakes-failed"}`,
	"tails of transactions, with them":          `releve_limit_used{limit="transactions"}`,
	"sources that are nobody's":                 `releve_wire_total{event="refused"}`,
}

var constant = regexp.MustCompile(`(?m)^\s*(?:const )?(max[A-Z]\w*)\s*=[^=]`)

// limitsInCode lists the constants max… of the program.
func limitsInCode(t *testing.T) map[string]bool {
	found := make(map[string]bool)
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := filepath.ToSlash(strings.TrimPrefix(path, root+"/"))
		switch {
		case d.IsDir() && (name == "testbed" || name == "testdata" || path != root && strings.HasPrefix(d.Name(), ".")):
			return fs.SkipDir
		case d.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go"):
			return nil
		}
		raw, err := os.ReadFile(path)
		for _, m := range constant.FindAllSubmatch(raw, -1) {
			found[name+" "+string(m[1])] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// A bound that nobody counts drops things in silence.
func TestEveryBoundIsCounted(t *testing.T) {
	found := limitsInCode(t)
	if len(found) < 40 {
		t.Fatalf("only %d constants found: this proves nothing", len(found))
	}
	for f := range reflect.TypeFor[config.Limits]().Fields() {
		found["limits."+f.Name] = true
	}
	for _, name := range slices.Sorted(maps.Keys(found)) {
		if bounds[name] == "" {
			t.Errorf("%s: name the series that counts what it refuses, or say why nothing is lost", name)
		}
	}
	for name := range bounds {
		if (strings.Contains(name, ".go ") || strings.HasPrefix(name, "limits.")) && !found[name] {
			t.Errorf("%s is gone: take its line out", name)
		}
	}
}

func TestSeriesOfEveryBoundExistAndAreDocumented(t *testing.T) {
	s := still(t)
	w := httptest.NewRecorder()
	s.node.metrics().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	page, err := os.ReadFile(filepath.Join(root, "docs/operations.md"))
	if err != nil {
		t.Fatal(err)
	}
	for name, series := range bounds {
		if !strings.HasPrefix(series, "releve_") {
			continue
		}
		if !strings.Contains(w.Body.String(), "\n"+series+" ") {
			t.Errorf("%s: no %s", name, series)
		}
		if family, _, _ := strings.Cut(series, "{"); !bytes.Contains(page, []byte(family)) {
			t.Errorf("%s stands nowhere in docs/operations.md", family)
		}
	}
	for _, l := range s.node.mind.counted.limits {
		if l.used == nil {
			continue
		}
		for _, family := range []string{"releve_limit_used", "releve_limit_capacity", "releve_limit_high_water"} {
			if !strings.Contains(w.Body.String(), "\n"+family+`{limit="`+l.name+`"} `) {
				t.Errorf("no %s of %s", family, l.name)
			}
		}
		if l.most() <= 0 || l.used() < 0 {
			t.Errorf("%s holds %d of %d", l.name, l.used(), l.most())
		}
	}
}

func TestHighWaterStays(t *testing.T) {
	used := int64(3)
	l := limit{name: "x", count: func() uint64 { return 0 }}.holding(10, func() int64 { return used })
	l.observe()
	used = 1
	l.observe()
	if got := l.high.Load(); got != 3 {
		t.Errorf("%d", got)
	}
}
