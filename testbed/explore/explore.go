package explore

import "time"

// Calm says what part a step has in calm runs, those in which faults have
// stopped: whatever can happen now happens, in any order, before time passes.
type Calm uint8

// NotCalm: a fault, a delay, or something that happens only now and then. Now:
// to be done before time passes. Time: nothing else was to be done, and a tick
// passes.
const (
	NotCalm Calm = iota
	Now
	Time
)

// Edge is one transition, valid during the visit. Broken names a rule that the
// transition itself broke, "" for none.
type Edge struct {
	State  []byte // canonical; equal bytes behave alike
	Left   uint32 // the faults left, digits of budgetBits: more allow more and change nothing else
	Name   Label
	Calm   Calm
	Broken string
}

// Model is a world that can be walked by several workers.
type Model interface {
	Start() (state []byte, left uint32)
	Worker() Worker
}

// Worker computes transitions; it belongs to one goroutine. Check (the broken
// invariant, "" for none), Goal, Raw (the state with its nodes as they were
// named) and Text (one line for traces) are about the state opened or visited
// last.
type Worker interface {
	Open(state []byte, left uint32)
	Successors(state []byte, left uint32, visit func(*Edge))
	Check() string
	Goal() bool
	Raw() []byte
	Text() string
}

// Limits end a walk early; zero is no limit.
type Limits struct {
	States   int
	Depth    int // steps
	Bytes    int // of the set of states
	Until    time.Time
	Workers  int   // 0: one
	Frontier int64 // bytes of waiting states kept in memory
	Shortest bool  // fewest steps first, not fewest faults: shortest traces, more states
	Progress func(faults, steps, states, bytes int)
}

// Result is what a walk found.
type Result struct {
	States   int // worlds with the faults left
	Depth    int // most steps that a state needs, with the fewest faults
	Faults   int // most faults spent
	Edges    int
	Complete bool // every reachable state was seen
	Goals    int
	Ticks    int    // most ticks that a calm run takes to the goal
	Broken   string // the first broken rule, "" for none
	Trace    []string
	Bytes    int
	Took     time.Duration
	Err      error // the walk could not go on
}
