// Package server simulates a Wel'Suite voice server over real SIP and RTP on
// loopback: it answers calls on a number of lines with an audible welcome,
// transfers the caller, places calls, and fails in the ways real servers do.
//
//	INVITE ─▶ line free? ──no──▶ 486
//	            │yes
//	            ▼
//	          100, 180, (WelcomeDelay) 200 ─ACK─▶ prompt ─(Transfer.After)─▶ REFER ─▶ BYE
//
// Owner and lock: everything is guarded by the lock of the server's
// phone.Phone. All exported methods may be called from anywhere but
// Config.OnEvent.
//
// RFC 3261; 3262 (reliable 18x on request); 3515, 3891, 5589 (transfers).
package server
