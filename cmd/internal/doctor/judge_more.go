package doctor

import (
	"fmt"
	"net/netip"
	"strings"
	"time"

	"releve/cmd/internal/text"
)

func judgeNames(f Facts) (out []Finding) {
	if len(f.Names) == 0 {
		return []Finding{found(text.DoctorNames, text.StudyOK, values{"case": "none"})}
	}
	for _, n := range f.Names {
		v := values{"name": n.Name, "addresses": joined(n.Addresses), "ms": millis(n.Took), "why": n.Why}
		state := text.StudyOK
		switch {
		case n.Why != "":
			state = text.StudyNoGo
		case n.Took > nameSlow:
			state = text.StudyInfo
		}
		out = append(out, found(text.DoctorNames, state, v))
	}
	silent := 0
	for _, r := range f.Resolvers {
		if r.Silent {
			silent++
		}
	}
	for _, r := range f.Resolvers {
		state := text.StudyOK
		switch {
		case r.Silent && silent == len(f.Resolvers):
			state = text.StudyNoGo
		case r.Silent:
			state = text.StudyReservation
		}
		out = append(out, found(text.DoctorResolver, state, values{"server": r.Server, "ms": millis(r.Took)}))
	}
	return out
}

func joined(all []netip.Addr) string {
	words := make([]string, len(all))
	for i, a := range all {
		words[i] = a.String()
	}
	return strings.Join(words, ", ")
}

func judgePaths(f Facts) (out []Finding) {
	for _, p := range f.Paths {
		v := values{"peer": p.Peer, "address": p.Address, "local": p.Local, "interface": p.Interface, "why": p.Why, "mtu": fmt.Sprint(p.MTU)}
		if p.Why != "" {
			out = append(out, found(text.DoctorRoute, text.StudyNoGo, v))
			continue
		}
		out = append(out, found(text.DoctorRoute, text.StudyOK, v))
		switch {
		case p.MTU == 0:
		case p.MTU < mtuLeast:
			out = append(out, found(text.DoctorMTU, text.StudyReservation, v))
		case p.MTU < mtuOrdinary:
			out = append(out, found(text.DoctorMTU, text.StudyInfo, v))
		default:
			out = append(out, found(text.DoctorMTU, text.StudyOK, v))
		}
	}
	return out
}

func judgeDisk(f Facts) (out []Finding) {
	d := f.Disk
	v := values{"path": d.Path, "free": fmt.Sprint(d.Free / mebi), "percent": percent(d.Free, d.Total), "inodes": percent(d.FreeNodes, d.AllNodes), "why": d.Why}
	switch {
	case d.Why != "":
		v["case"] = "unseen"
		out = append(out, found(text.DoctorDisk, text.StudyUnknown, v))
	case d.Free < diskLeast || d.AllNodes > 0 && d.FreeNodes == 0:
		out = append(out, found(text.DoctorDisk, text.StudyNoGo, v))
	case d.Free < diskLow || d.Total > 0 && d.Free*100/d.Total < diskLowPercent || d.AllNodes > 0 && d.FreeNodes*100/d.AllNodes < nodesLow:
		out = append(out, found(text.DoctorDisk, text.StudyReservation, v))
	default:
		out = append(out, found(text.DoctorDisk, text.StudyOK, v))
	}
	w := values{"path": d.Path, "why": d.Writable}
	switch {
	case d.Writable != "":
		return append(out, found(text.DoctorWritable, text.StudyNoGo, w))
	case !d.Exists:
		w["case"] = "missing"
		return append(out, found(text.DoctorWritable, text.StudyInfo, w))
	}
	out = append(out, found(text.DoctorWritable, text.StudyOK, w))
	if d.Syncs == 0 {
		return out
	}
	state := text.StudyOK
	if d.Slowest > syncSlow {
		state = text.StudyReservation
	}
	return append(out, found(text.DoctorSync, state, values{"ms": millis(d.Slowest), "count": fmt.Sprint(d.Syncs)}))
}

func percent(part, all uint64) string {
	if all == 0 {
		return "100"
	}
	return fmt.Sprint(part * 100 / all)
}

func judgeStore(f Facts) Finding {
	s := f.Store
	v := values{
		"schema": fmt.Sprint(s.Schema), "newest": fmt.Sprint(s.Newest), "size": fmt.Sprint((s.Bytes + mebi - 1) / mebi),
		"where": s.Where, "why": s.Fault,
	}
	switch {
	case s.Unseen != "":
		v["case"], v["why"] = "unseen", s.Unseen
		return found(text.DoctorStore, text.StudyUnknown, v)
	case s.Missing:
		v["case"] = "new"
		return found(text.DoctorStore, text.StudyInfo, v)
	case s.Fault != "":
		return found(text.DoctorStore, text.StudyNoGo, v)
	case s.Schema < s.Newest:
		v["case"] = "older"
		return found(text.DoctorStore, text.StudyInfo, v)
	case s.Where != "":
		v["case"] = "remote"
	}
	return found(text.DoctorStore, text.StudyOK, v)
}

func judgeCertificates(f Facts) (out []Finding) {
	if len(f.Certificates) == 0 {
		return []Finding{found(text.DoctorCertificate, text.StudyOK, values{"case": "none"})}
	}
	for _, c := range f.Certificates {
		out = append(out, judgeCertificate(f, c))
	}
	return out
}

func judgeCertificate(f Facts, c CertificateFacts) Finding {
	name := c.Name
	if name == "" {
		name = c.File
	}
	v := values{
		"name": name, "why": c.Why, "issuer": c.Issuer, "address": c.MissingName,
		"start": c.Start.Format(time.DateOnly), "end": c.End.Format(time.DateOnly), "days": fmt.Sprint(int(c.End.Sub(f.Now) / (24 * time.Hour))),
	}
	special := func(name string, s State) Finding {
		v["case"] = name
		return found(text.DoctorCertificate, s, v)
	}
	switch {
	case c.Why != "":
		return found(text.DoctorCertificate, text.StudyNoGo, v)
	case !f.Now.Before(c.End):
		return special("expired", text.StudyNoGo)
	case f.Now.Before(c.Start):
		return special("early", text.StudyNoGo)
	case c.End.Sub(f.Now) < endsSoon:
		return special("ending", text.StudyReservation)
	case c.MissingName != "":
		return special("name", text.StudyReservation)
	case c.Untrusted:
		return special("chain", text.StudyReservation)
	}
	return found(text.DoctorCertificate, text.StudyOK, v)
}

func judgeKeys(f Facts) Finding {
	k := f.Keys
	v := values{"file": k.File, "mode": mode(k.Mode), "why": k.Why}
	switch {
	case k.Missing:
		v["case"] = "new"
		return found(text.DoctorKeys, text.StudyInfo, v)
	case k.Why != "":
		v["case"] = "unseen"
		return found(text.DoctorKeys, text.StudyUnknown, v)
	case k.Mode&0o007 != 0:
		return found(text.DoctorKeys, text.StudyNoGo, v)
	case k.Mode&0o070 != 0:
		return found(text.DoctorKeys, text.StudyReservation, v)
	}
	return found(text.DoctorKeys, text.StudyOK, v)
}

func mode(m uint32) string { return fmt.Sprintf("%04o", m) }

// judgeSecrets: one finding for all that are well, one for each that is not.
func judgeSecrets(f Facts) (out []Finding) {
	well := 0
	for _, s := range f.Secrets {
		v := values{"file": s.File, "mode": mode(s.Mode), "why": s.Why, "name": s.Env}
		switch {
		case s.Unset:
			v["case"] = "env"
			out = append(out, found(text.DoctorSecrets, text.StudyInfo, v))
		case s.Why != "":
			out = append(out, found(text.DoctorSecrets, text.StudyNoGo, v))
		case s.Mode&0o007 != 0:
			v["case"] = "open"
			out = append(out, found(text.DoctorSecrets, text.StudyReservation, v))
		default:
			well++
		}
	}
	if len(f.Secrets) == 0 {
		return []Finding{found(text.DoctorSecrets, text.StudyOK, values{"case": "none"})}
	}
	if well > 0 {
		out = append(out, found(text.DoctorSecrets, text.StudyOK, values{"count": fmt.Sprint(well)}))
	}
	return out
}

func judgeHardening(f Facts) Finding {
	r := f.Running
	if !r.Seen {
		if r.Version == "" {
			return found(text.DoctorHardening, text.StudyUnknown, values{"case": "idle"})
		}
		return found(text.DoctorHardening, text.StudyUnknown, values{"case": "unseen", "why": r.Why})
	}
	m := text.For(f.Lang)
	var lacks []string
	for _, l := range []struct {
		is   bool
		name string
	}{
		{r.Root, "root"},
		{!r.NoNewPrivs, "privileges"},
		{!r.Seccomp, "seccomp"},
		{r.Capabilities&^bindService != 0, "capabilities"},
	} {
		if l.is {
			lacks = append(lacks, m.DoctorLack(l.name))
		}
	}
	if len(lacks) > 0 {
		return found(text.DoctorHardening, text.StudyReservation, values{"lacks": strings.Join(lacks, ", ")})
	}
	return found(text.DoctorHardening, text.StudyOK, nil)
}
