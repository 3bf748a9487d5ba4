-- The state row: opaque to the store, changed by compare-and-set on version.
CREATE TABLE state (
	id      INTEGER PRIMARY KEY CHECK (id = 1),
	version INTEGER NOT NULL,
	row     BLOB    NOT NULL
) STRICT;

-- How far each spool segment has been ingested. id rises in the order in which
-- the segments first came, so that the oldest marks can be dropped.
CREATE TABLE ingested (
	id      INTEGER PRIMARY KEY,
	segment TEXT    NOT NULL UNIQUE,
	offset  INTEGER NOT NULL
) STRICT;

-- Times are nanoseconds since 1970, UTC. record is the whole record as JSON;
-- the other columns are what queries look for.
CREATE TABLE calls (
	id      INTEGER PRIMARY KEY,
	started INTEGER NOT NULL,
	call_id TEXT    NOT NULL,
	caller  TEXT    NOT NULL,
	callee  TEXT    NOT NULL,
	record  TEXT    NOT NULL
) STRICT;
CREATE INDEX calls_by_call_id ON calls (call_id);
-- Covers the search for a part of a number: it reads this index and no row.
CREATE INDEX calls_by_start ON calls (started, id, caller, callee);

-- AUTOINCREMENT: an ID is never used again, even after a prune.
CREATE TABLE events (
	id     INTEGER PRIMARY KEY AUTOINCREMENT,
	time   INTEGER NOT NULL,
	code   TEXT    NOT NULL,
	params TEXT,
	actor  TEXT    NOT NULL
) STRICT;
CREATE INDEX events_by_time ON events (time);

CREATE TABLE alarms (
	number   INTEGER NOT NULL,
	object   TEXT    NOT NULL,
	severity TEXT    NOT NULL,
	raised   INTEGER NOT NULL,
	cleared  INTEGER NOT NULL,
	ack_by   TEXT    NOT NULL,
	ack_note TEXT    NOT NULL,
	ack_at   INTEGER NOT NULL,
	count    INTEGER NOT NULL,
	PRIMARY KEY (number, object)
) STRICT, WITHOUT ROWID;
