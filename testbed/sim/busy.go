package sim

import "math/rand/v2"

type busy struct{}

func drawBusy(r *rand.Rand) setting { return draw(r) }
