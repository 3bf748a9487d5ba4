package router

// Reason names why a call or a role went where it went. It travels unchanged
// to log, metric label, call record and explain. The text catalogue has one
// French and one English sentence for each; a Reason without a sentence fails
// a test there.
type Reason string

// Reasons of calls.
const (
	ReasonNone              Reason = ""
	ReasonActiveServes      Reason = "active-serves"          // sent to the active server, answered
	ReasonOutgoing          Reason = "outgoing"               // placed by the active server
	ReasonPassiveOutgoing   Reason = "passive-outgoing"       // 403: the passive server may not place calls
	ReasonPassiveTransfer   Reason = "passive-transfer"       // passive server transfers a call it still holds
	ReasonLinesFull         Reason = "lines-full"             // no free line by our own count
	ReasonServerBusy        Reason = "server-busy"            // 486/480/503 with Retry-After at plausible occupancy
	ReasonUnexplainedBusy   Reason = "unexplained-busy"       // busy while next to nothing is reserved
	ReasonThisCallOnly      Reason = "this-call-only"         // a final that concerns this call alone, relayed
	ReasonMisprovisioned    Reason = "misprovisioned"         // 403/404 for a service number
	ReasonServerFailed      Reason = "server-failed"          // 408/500/502/504, 503 without Retry-After
	ReasonPortRefused       Reason = "port-refused"           // ICMP port unreachable, TCP reset
	ReasonNoProgress        Reason = "no-progress"            // not one response within progress_timeout
	ReasonTLSFailed         Reason = "tls-failed"             // certificate or configuration
	ReasonNoAnswer          Reason = "no-answer"              // no final by answer_timeout
	ReasonVerdictFunctional Reason = "verdict-functional"     // dissuaded: the verification found it functional
	ReasonVerdictBusy       Reason = "verdict-busy"           // dissuaded: busy
	ReasonVerdictUnknown    Reason = "verdict-unknown"        // dissuaded: nothing proven
	ReasonRequeued          Reason = "requeued"               // re-offered to the active server and answered
	ReasonAnsweredWhileHeld Reason = "answered-while-held"    // the pending branch answered during the verification
	ReasonDelivered         Reason = "delivered-to-secondary" // delivered after the switchover
	ReasonHoldBudget        Reason = "hold-budget-spent"      //
	ReasonWaitingFull       Reason = "waiting-list-full"      //
	ReasonBothDown          Reason = "both-down"              //
	ReasonLooped            Reason = "looped"                 //
	ReasonCallerCancelled   Reason = "caller-cancelled"       //
	ReasonReplaces          Reason = "replaces"               // INVITE with Replaces, to the dialog's owner
	ReasonNoRoute           Reason = "no-route"               // no IPBX or server reachable
	ReasonOverloaded        Reason = "overloaded"             // shed by a limit of Relève
	ReasonRestarted         Reason = "restarted"              // Relève was restarted during the call
	ReasonServerDead        Reason = "server-dead"            // released: its server is confirmed dead
	ReasonServerForgot      Reason = "unknown-to-server"      // its server, asked after it, does not know it any more
	ReasonIPBXForgot        Reason = "unknown-to-ipbx"        // its far end at the IPBX does not
	ReasonMaxDuration       Reason = "max-duration"           //
	ReasonSessionExpired    Reason = "session-expired"        // its session timer ran out (RFC 4028)
	ReasonSpared            Reason = "spared"                 // the server asked for a pause: 503 with Retry-After
	ReasonFault             Reason = "internal-fault"         // a panic ended this call
	ReasonDrained           Reason = "drained"                // an operator wants no new calls on the active server
)

// Reasons of role changes.
const (
	ReasonConfirmed      Reason = "dysfunction-confirmed"
	ReasonOperator       Reason = "operator"
	ReasonNotReady       Reason = "secondary-not-ready"
	ReasonMoveFailed     Reason = "licence-move-failed"
	ReasonServerBack     Reason = "server-back"
	ReasonStoreDown      Reason = "store-unavailable"
	ReasonLeaseLost      Reason = "lease-lost"
	ReasonLevel          Reason = "level-has-no-automatic-switchover"
	ReasonOneServer      Reason = "level-has-one-server"
	ReasonObservation    Reason = "observation"
	ReasonReturnTooEarly Reason = "return-too-early"
	ReasonNotStable      Reason = "not-stable"
	ReasonWrongPhase     Reason = "wrong-phase"
	ReasonMaintenance    Reason = "maintenance"
	ReasonIPBXUnseen     Reason = "ipbx-unseen"
	ReasonStillActive    Reason = "still-active" // a drain of the server that serves
	ReasonOrderLate      Reason = "order-late"   // it could not be stored in time, and is not carried out any more
)
