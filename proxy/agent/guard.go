package agent

// report tells the caller, whose panic ends no more than his callback.
func (a *Agent) report(x *exchange, r Result) {
	defer func() {
		if r := recover(); r != nil {
			a.caught(r)
		}
	}()
	if x.done != nil {
		x.done(r)
	}
}

func (a *Agent) caught(r any) {
	if a.Caught != nil {
		a.Caught(r)
	}
}

// survive, deferred, keeps a panic from ending more than x.
func (a *Agent) survive(x *exchange) {
	r := recover()
	if r == nil {
		return
	}
	a.caught(r)
	if !x.entered {
		a.report(x, Result{Failure: Overload})
		return
	}
	a.end(x, Result{Failure: Overload})
}
