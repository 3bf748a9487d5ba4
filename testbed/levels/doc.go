// Package levels runs each Wel'Suite level as a site would: the built binary on
// the example of docs/examples, an IPBX, the voice servers that the level has,
// the receivers of its alarms and the pair of databases that it watches, and
// asks of each what its data sheet says.
//
//	example ─► addresses of this run ─► parties ─► node ─► the story of the level ─► checks
//
// A check is one thing that holds or does not; a level has passed when all of its
// checks hold. The parties live in this process, on loopback, each on its own
// address, and end with the level; the databases, the mail server and Relève are
// processes of their own.
package levels
