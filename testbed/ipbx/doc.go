// Package ipbx simulates a company's IPBX over real SIP and RTP on loopback:
// it places calls to Relève, answers extensions and the operators' desk, keeps
// a registrar with digest, presents overflowed calls, reacts to transfers, and
// fails on command.
//
//	presentation, overflow mode:
//	  primary ──refused or no answer──▶ Relève's overflow entry ──486──▶ primary … (Represent times)
//	presentation, inline mode:
//	  Relève ──486──▶ Relève … (Represent times)
//
// Owner and lock: each member (one, or main and stand-by) is a phone.Phone
// with its lock; the registrar and the counters have a lock of their own, taken
// after a phone's, never before. All exported methods may be called from
// anywhere but Config.OnEvent.
//
// RFC 3261 §10.3 (registrar), 7616 (digest), 3515, 3891, 5589 (transfers).
package ipbx
