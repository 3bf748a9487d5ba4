package router

// Action is what Route decides for a new call.
type Action uint8

// Offer: to Target, under the two clocks. Relay: to Target, plain (a transfer,
// an outgoing call). Keep: hold at once, no branch (a switchover runs, or a
// young ruling is awaited). Refuse: Status. Desk: rescue. Place: to the IPBX.
const (
	Offer Action = iota
	Relay
	Keep
	Refuse
	Desk
	Place
)

// Call is what Route knows of an initial INVITE; it sees no SIP message.
type Call struct {
	From           Server // NoServer: from the IPBX
	Entry          Entry
	ServiceNumber  bool
	Owner          Server // INVITE with Replaces: the server that owns the dialog; NoServer: not a Replaces
	Replaces       bool
	Looped         bool      // dissuaded three times in 30 s, or more than 5 Diversion/History-Info entries
	Occupancy      Occupancy // of the active server
	AnsweredLately bool
	HeldByPassive  bool // From is passive and still holds a call for which it placed none yet
}

// Decision is where a call goes and why.
type Decision struct {
	Action Action
	Target Server
	Status uint16 // with Refuse
	Reason Reason
}
