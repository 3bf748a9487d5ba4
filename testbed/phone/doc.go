// Package phone is the SIP user agent that the simulated parties of the
// testbed (package ipbx and package server) are made of: real SIP over real
// UDP, dialogs with Route sets, reliable provisionals, REFER, RTP G.711 A-law.
//
// It parses with sipgo (so what Relève emits is read by somebody else's
// parser) and has transactions of its own: sipgo's reorder messages and answer
// CANCEL by themselves.
//
// Concurrency: a Phone has one lock. The reading goroutine and the timers take
// it and run to completion; every callback is called with it held. Every
// method of Phone, Call, Dialog, Inbound and Timer not documented otherwise
// must be called with it held, that is from a callback or inside Phone.Do.
//
//	INVITE client      calling → proceeding → completed (ACK each final) → gone
//	                        \→ accepted (each 2xx to the call) → gone
//	INVITE server      proceeding → completed (repeat until ACK) → confirmed → gone
//	                        \→ accepted (2xx repeated until ACK) → gone
//	other              trying → completed → gone
//
// RFC 3261 §8, 12–15, 17; 3262 (100rel); 3264 (offer/answer); 3311 (UPDATE);
// 3515 (REFER); 3891 (Replaces); 6026 (accepted state).
package phone
