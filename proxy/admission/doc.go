// Package admission decides how much new work is taken: a token bucket for each
// source of messages and one gate for new calls (RFC 3261 §21.5.4, RFC 7339).
//
//	datagram ─► Bucket of its source ─ none left ─► dropped unread
//	               │
//	               ▼
//	new work ─► Gate ─┬─ room ───────────────────────────────► Admitted
//	                  ├─ none, but within the even share of its source ─► Admitted
//	                  ├─ Urgent: as much again ──────────────► Admitted
//	                  └─ else ─► OverRate │ Behind (timers late, the share halves)
//
// Pure: the clock is an argument (Clock.Mono). A Bucket and a Gate are shared by
// all shards; each is a few atomics, allocates nothing and never blocks. A race
// between two changes of the share costs one of them: our choice, the next
// second corrects it.
package admission
