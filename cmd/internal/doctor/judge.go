package doctor

import (
	"fmt"
	"strings"
	"time"

	"releve/cmd/internal/text"
)

// Bounds of the judgement, our choice each.
const (
	clockFar       = 500 * time.Millisecond
	memoryLeast    = 256 << 20
	memoryRelease  = 200 << 20 // what Relève may take
	leastFiles     = 256
	wantedBuffer   = 4 << 20 // what proxy/transport asks for
	leastBuffer    = 208 << 10
	mtuOrdinary    = 1500
	mtuLeast       = 1280 // IPv6 demands it of every link (RFC 8200 §5)
	diskLeast      = 100 << 20
	diskLow        = 1 << 30
	diskLowPercent = 10
	nodesLow       = 5
	syncSlow       = 100 * time.Millisecond
	nameSlow       = 500 * time.Millisecond
	endsSoon       = 30 * 24 * time.Hour
	mebi           = 1 << 20
)

const bindService = 1 << 10 // CAP_NET_BIND_SERVICE

type values = map[string]string

func found(id text.DoctorID, s State, v values) Finding { return Finding{id, s, v} }

// Judge judges what was seen. Pure.
func Judge(f Facts) []Finding {
	var out []Finding
	add := func(more ...Finding) { out = append(out, more...) }
	add(judgeConfig(f), judgeRunning(f))
	add(judgeListen(f)...)
	add(judgeMedia(f)...)
	add(judgeClock(f), judgeZone(f), judgeMachine(f))
	add(judgeMemory(f)...)
	add(judgeDescriptors(f), judgeBuffers(f))
	add(judgeNames(f)...)
	add(judgePaths(f)...)
	add(judgeIPv6(f))
	add(judgeDisk(f)...)
	add(judgeStore(f))
	add(judgeCertificates(f)...)
	add(judgeKeys(f))
	add(judgeSecrets(f)...)
	return append(out, judgeHardening(f))
}

func judgeConfig(f Facts) Finding {
	v := values{"file": f.Config.File, "faults": fmt.Sprint(f.Config.Faults), "advice": fmt.Sprint(f.Config.Advice)}
	switch {
	case f.Config.Faults > 0:
		return found(text.DoctorConfig, text.StudyNoGo, v)
	case f.Config.Advice > 0:
		v["case"] = "advice"
		return found(text.DoctorConfig, text.StudyInfo, v)
	}
	return found(text.DoctorConfig, text.StudyOK, v)
}

func judgeRunning(f Facts) Finding {
	if f.Running.Version == "" {
		return found(text.DoctorRunning, text.StudyInfo, nil)
	}
	return found(text.DoctorRunning, text.StudyOK, values{"pid": fmt.Sprint(f.Running.PID), "version": f.Running.Version})
}

// judgeListen: a port that a running Relève holds is as it should be; one whose
// holder cannot be seen is taken for its own while it runs.
func judgeListen(f Facts) (out []Finding) {
	for _, p := range f.Listen {
		v := values{"address": p.Address, "holder": p.Holder, "why": p.Why}
		state := text.StudyNoGo
		switch {
		case p.State == Free:
			state = text.StudyOK
		case p.State == Taken && (p.Ours || p.Holder == "" && f.Running.Version != ""):
			v["case"], state = "ours", text.StudyOK
			if p.Holder == "" {
				v["holder"] = "releve"
			}
		case p.State == Taken && p.Holder == "":
			v["case"] = "hidden"
		case p.State == Taken:
		default:
			v["case"] = p.State
		}
		out = append(out, found(text.DoctorListen, state, v))
	}
	return out
}

func judgeMedia(f Facts) []Finding {
	m := f.Media
	if m.Count == 0 {
		return nil
	}
	state := text.StudyOK
	if m.Free < m.Count/2 && f.Running.Version == "" {
		state = text.StudyReservation
	}
	return []Finding{found(text.DoctorMedia, state, values{"address": m.Address, "free": fmt.Sprint(m.Free), "count": fmt.Sprint(m.Count)})}
}

func judgeClock(f Facts) Finding {
	c := f.Clock
	v := values{"offset": millis(c.Offset), "most": millis(c.Most), "why": c.Why}
	switch {
	case c.Why != "":
		v["case"] = "unknown"
		return found(text.DoctorClock, text.StudyUnknown, v)
	case !c.Synced:
		return found(text.DoctorClock, text.StudyReservation, v)
	case c.Offset.Abs() > clockFar:
		v["case"] = "far"
		return found(text.DoctorClock, text.StudyReservation, v)
	}
	return found(text.DoctorClock, text.StudyOK, v)
}

func judgeZone(f Facts) Finding {
	state := text.StudyOK
	if _, offset := f.Now.Zone(); offset == 0 && f.Lang == text.French {
		state = text.StudyInfo
	}
	return found(text.DoctorZone, state, values{"zone": f.Zone, "time": f.Now.Format("15:04")})
}

func judgeMachine(f Facts) Finding {
	product := f.Product
	if product == "" {
		product = "?"
	}
	if f.Virtual {
		return found(text.DoctorMachine, text.StudyInfo, values{"product": product})
	}
	return found(text.DoctorMachine, text.StudyOK, values{"product": product})
}

func judgeMemory(f Facts) []Finding {
	if f.Memory.Total == 0 {
		return nil
	}
	v := values{"free": fmt.Sprint(f.Memory.Available / mebi), "total": fmt.Sprint(f.Memory.Total / mebi), "limit": fmt.Sprint(f.Running.MemoryMax / mebi)}
	switch {
	case f.Running.MemoryMax > 0 && f.Running.MemoryMax < memoryRelease:
		v["case"] = "limit"
		return []Finding{found(text.DoctorMemory, text.StudyReservation, v)}
	case f.Memory.Available < memoryLeast:
		return []Finding{found(text.DoctorMemory, text.StudyReservation, v)}
	}
	return []Finding{found(text.DoctorMemory, text.StudyOK, v)}
}

func judgeDescriptors(f Facts) Finding {
	v := values{"limit": fmt.Sprint(f.Descriptors), "want": fmt.Sprint(f.WantDescriptors)}
	switch {
	case f.Descriptors < leastFiles:
		return found(text.DoctorDescriptors, text.StudyNoGo, v)
	case f.Descriptors < f.WantDescriptors:
		return found(text.DoctorDescriptors, text.StudyReservation, v)
	}
	return found(text.DoctorDescriptors, text.StudyOK, v)
}

// judgeBuffers: who has CAP_NET_ADMIN is not held by the limits.
func judgeBuffers(f Facts) Finding {
	v := values{
		"rmem": fmt.Sprint(f.ReceiveMax >> 10), "wmem": fmt.Sprint(f.SendMax >> 10),
		"want": fmt.Sprint(wantedBuffer >> 10), "bytes": fmt.Sprint(wantedBuffer),
	}
	least := min(f.ReceiveMax, f.SendMax)
	switch {
	case f.MayForce || least >= wantedBuffer:
		return found(text.DoctorBuffers, text.StudyOK, v)
	case least >= leastBuffer:
		return found(text.DoctorBuffers, text.StudyInfo, v)
	}
	return found(text.DoctorBuffers, text.StudyReservation, v)
}

func judgeIPv6(f Facts) Finding {
	switch {
	case !f.NeedsIPv6:
		return found(text.DoctorIPv6, text.StudyOK, values{"case": "unused"})
	case !f.HasIPv6:
		return found(text.DoctorIPv6, text.StudyNoGo, nil)
	}
	return found(text.DoctorIPv6, text.StudyOK, nil)
}

func millis(d time.Duration) string {
	return strings.TrimSuffix(fmt.Sprintf("%.1f", float64(d)/float64(time.Millisecond)), ".0")
}
