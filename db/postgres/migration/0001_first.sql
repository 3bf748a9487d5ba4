-- Text that may come from a foreign machine (a Call-ID, a user, a name) is bytea:
-- PostgreSQL's text takes neither a NUL nor bytes that are not UTF-8, and one such
-- record must not hold up the others. encode(caller, 'escape') shows it in psql.
-- No index holds a whole foreign text: an entry of a B-tree has a limit of 2.7 kB.

-- The state row: opaque to the store, changed by compare-and-set on version.
CREATE TABLE state (
	id      smallint PRIMARY KEY CHECK (id = 1),
	version bigint   NOT NULL,
	stored  bytea    NOT NULL
);

-- How far each spool segment has been ingested. id rises in the order in which
-- the segments first came, so that the oldest marks can be dropped.
CREATE TABLE ingested (
	id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	segment   bytea  NOT NULL UNIQUE,
	stored_to bigint NOT NULL
);

-- Times are nanoseconds since 1970, UTC. record is the whole record as JSON (with
-- NUL as an escape); the other columns are what queries look for and count.
CREATE TABLE calls (
	id         bigint  GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	started    bigint  NOT NULL,
	call_id    bytea   NOT NULL,
	caller     bytea   NOT NULL,
	callee     bytea   NOT NULL,
	outcome    bytea   NOT NULL,
	reason     bytea   NOT NULL,
	would_have bytea   NOT NULL,
	outgoing   boolean NOT NULL,
	held       bigint  NOT NULL,
	setup      bigint  NOT NULL,
	record     text    NOT NULL
);
CREATE INDEX calls_by_start ON calls (started, id);
CREATE INDEX calls_by_call_id ON calls (substr(call_id, 1, 64));

-- A value of an identity is never used again, even after a prune.
CREATE TABLE events (
	id     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	time   bigint NOT NULL,
	code   bytea  NOT NULL,
	params text,
	actor  bytea  NOT NULL
);
CREATE INDEX events_by_time ON events (time, id);

CREATE TABLE alarms (
	number   integer NOT NULL,
	object   bytea   NOT NULL,
	severity bytea   NOT NULL,
	raised   bigint  NOT NULL,
	cleared  bigint  NOT NULL,
	ack_by   bytea   NOT NULL,
	ack_note bytea   NOT NULL,
	ack_at   bigint  NOT NULL,
	count    bigint  NOT NULL
);
CREATE UNIQUE INDEX alarms_once ON alarms (number, sha256(object));
