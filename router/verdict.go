package router

// Switchable reports whether the verdict may be the cause of a switchover:
// DEAD_APP, DEAD_HOST and DEAD_ALONE, and, when they last and the policy names
// them, GRAY and DEGRADED. Every other verdict never is.
func (v Verdict) Switchable() bool { return v.Dead() || v == VerdictGray || v == VerdictDegraded }

// Dead reports whether the verdict says that the server is gone.
func (v Verdict) Dead() bool {
	return v == VerdictDeadApp || v == VerdictDeadHost || v == VerdictDeadAlone
}

// Functional reports whether the verdict proves that the server serves, were
// it slowly or with all its lines taken.
func (v Verdict) Functional() bool {
	return v == VerdictHealthy || v == VerdictBusy || v == VerdictSlow
}
