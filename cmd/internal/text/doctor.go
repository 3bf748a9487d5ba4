package text

// DoctorID names one thing that `releve doctor` looks at. The names are stable.
type DoctorID string

// What is looked at, in the order of the report.
const (
	DoctorConfig      DoctorID = "config"
	DoctorRunning     DoctorID = "running"
	DoctorListen      DoctorID = "listen"
	DoctorMedia       DoctorID = "media-ports"
	DoctorClock       DoctorID = "clock"
	DoctorZone        DoctorID = "time-zone"
	DoctorMachine     DoctorID = "machine"
	DoctorMemory      DoctorID = "memory"
	DoctorDescriptors DoctorID = "descriptors"
	DoctorBuffers     DoctorID = "socket-buffers"
	DoctorNames       DoctorID = "names"
	DoctorResolver    DoctorID = "resolver"
	DoctorRoute       DoctorID = "route"
	DoctorMTU         DoctorID = "mtu"
	DoctorIPv6        DoctorID = "ipv6"
	DoctorDisk        DoctorID = "disk"
	DoctorWritable    DoctorID = "writable"
	DoctorSync        DoctorID = "disk-sync"
	DoctorStore       DoctorID = "store"
	DoctorCertificate DoctorID = "certificate"
	DoctorKeys        DoctorID = "keys"
	DoctorSecrets     DoctorID = "secrets"
	DoctorHardening   DoctorID = "hardening"
)

// DoctorIDs are all of them, in the order of the report.
func DoctorIDs() []DoctorID {
	return []DoctorID{
		DoctorConfig, DoctorRunning, DoctorListen, DoctorMedia, DoctorClock, DoctorZone, DoctorMachine, DoctorMemory,
		DoctorDescriptors, DoctorBuffers, DoctorNames, DoctorResolver, DoctorRoute, DoctorMTU, DoctorIPv6, DoctorDisk,
		DoctorWritable, DoctorSync, DoctorStore, DoctorCertificate, DoctorKeys, DoctorSecrets, DoctorHardening,
	}
}

// Doctor says a finding about this machine, as Study says one of the study:
// "case" among the values picks a sentence.
func (m Messages) Doctor(id DoctorID, state StudyState, values map[string]string) StudyText {
	s, ok := doctored()[id]
	if !ok {
		return StudyText{Title: string(id)}
	}
	fill := m.filled(values)
	t := StudyText{Title: m.of(s.title)}
	seen, special := s.cases[values["case"]]
	switch {
	case special:
	case state == StudyOK:
		seen = s.ok
	default:
		seen = s.odd
	}
	t.Seen = fill(m.of(seen))
	if state == StudyOK || state == StudyUnknown || state == StudyInfo && special {
		return t
	}
	t.Means = fill(m.of(s.means))
	if state != StudyInfo {
		t.Do = fill(m.of(s.do))
	}
	return t
}

// DoctorCase says whether a case of a finding has a sentence of its own.
func DoctorCase(id DoctorID, name string) bool {
	_, ok := doctored()[id].cases[name]
	return ok
}

// DoctorVerdict is the sentence that ends the report: what is worst.
func (m Messages) DoctorVerdict(worst StudyState, noGo, reservations, unknown int) string {
	left := ""
	if unknown > 0 {
		left = m.say(" %d point(s) non vus.", " %d point(s) not seen.", unknown)
	}
	switch worst {
	case StudyNoGo:
		return m.say("%d point(s) à corriger, %d réserve(s).", "%d point(s) to correct, %d reservation(s).", noGo, reservations) + left
	case StudyReservation:
		return m.say("Cette machine convient, avec %d réserve(s).", "This machine will do, with %d reservation(s).", reservations) + left
	}
	return m.say("Cette machine convient à Relève.", "This machine suits Relève.") + left
}

// DoctorNoConfig says that nothing could be looked at.
func (m Messages) DoctorNoConfig(file string) string {
	return m.say("sans configuration lisible (%s) il n'y a rien à examiner : donnez -c FICHIER, ou écrivez-en une (« releve config init »).",
		"without a readable configuration (%s) there is nothing to examine: give -c FILE, or write one (\"releve config init\").", file)
}

func doctored() map[DoctorID]studied {
	all := doctoredSystem()
	for id, s := range doctoredFiles() {
		all[id] = s
	}
	for id, s := range doctoredNetwork() {
		all[id] = s
	}
	return all
}

// doctoredSystem: the machine itself.
func doctoredSystem() map[DoctorID]studied {
	return map[DoctorID]studied{
		DoctorRunning: {
			title: pair{"Relève en service", "Relève running"},
			ok:    pair{"tourne (processus {pid}, {version})", "runs (process {pid}, {version})"},
			odd:   pair{"ne tourne pas avec cette configuration", "does not run with this configuration"},
			means: pair{"Normal avant l'installation. Son durcissement ne se voit qu'en marche.", "As it should be before the installation. Its hardening shows only while it runs."},
			do:    pair{"systemctl start releve", "systemctl start releve"},
		},
		DoctorClock: {
			title: pair{"Horloge", "Clock"},
			ok:    pair{"synchronisée, écart estimé {offset} ms (au plus {most} ms)", "synchronised, about {offset} ms off (at most {most} ms)"},
			odd:   pair{"non synchronisée", "not synchronised"},
			cases: map[string]pair{
				"far":     {"synchronisée, mais écart estimé {offset} ms (au plus {most} ms)", "synchronised, but about {offset} ms off (at most {most} ms)"},
				"unknown": {"non vue : le noyau refuse de le dire ici ({why})", "not seen: the kernel does not tell here ({why})"},
			},
			means: pair{"Le journal, les alarmes et les certificats se fient à l'heure ; la bascule, elle, n'en dépend pas.", "Journal, alarms and certificates rely on the time; a switchover does not."},
			do:    pair{"Installez et réglez un client NTP (chrony ou systemd-timesyncd) sur le serveur de temps du site ; « timedatectl » dit le résultat.", "Install and set up an NTP client (chrony or systemd-timesyncd) for the site's time server; \"timedatectl\" tells the result."},
		},
		DoctorZone: {
			title: pair{"Fuseau horaire", "Time zone"},
			ok:    pair{"{zone} (il est {time})", "{zone} (it is {time})"},
			odd:   pair{"{zone} (il est {time})", "{zone} (it is {time})"},
			means: pair{"Les heures des écrans et des courriels seront dans ce fuseau.", "Times on screens and in mails will be in this zone."},
			do:    pair{"timedatectl set-timezone Europe/Paris", "timedatectl set-timezone Europe/Paris"},
		},
		DoctorMachine: {
			title: pair{"Machine", "Machine"},
			ok:    pair{"{product}", "{product}"},
			odd:   pair{"machine virtuelle : {product}", "virtual machine: {product}"},
			means: pair{"Un instantané ou une migration la suspend : Relève s'en aperçoit et ne juge personne pendant ce temps, mais personne ne vérifie alors.", "A snapshot or a migration pauses it: Relève notices and judges nobody meanwhile, but nobody verifies then either."},
			do:    pair{"Pas d'instantané aux heures de service, et un autre hôte que celui des serveurs vocaux.", "No snapshots during service, and another host than the voice servers'."},
		},
		DoctorMemory: {
			title: pair{"Mémoire", "Memory"},
			ok:    pair{"{free} Mo disponibles sur {total}", "{free} MB available of {total}"},
			odd:   pair{"{free} Mo disponibles sur {total}", "{free} MB available of {total}"},
			cases: map[string]pair{"limit": {"le service est limité à {limit} Mo", "the service is limited to {limit} MB"}},
			means: pair{"Sous la charge la plus forte, Relève prend environ 200 Mo ; à court de mémoire, le noyau l'arrête.", "Under the heaviest load Relève takes about 200 MB; short of memory, the kernel ends it."},
			do:    pair{"Donnez 512 Mo à la machine, ou levez la limite (MemoryMax) du service.", "Give the machine 512 MB, or raise the service's limit (MemoryMax)."},
		},
		DoctorDescriptors: {
			title: pair{"Descripteurs de fichiers", "File descriptors"},
			ok:    pair{"{limit} permis, {want} suffisent", "{limit} allowed, {want} are enough"},
			odd:   pair{"{limit} permis, il en faudrait {want}", "{limit} allowed, {want} would be needed"},
			means: pair{"À court de descripteurs, de nouvelles connexions TCP et TLS sont refusées.", "Short of descriptors, new TCP and TLS connections are refused."},
			do:    pair{"LimitNOFILE=65536 dans l'unité systemd (« releve export systemd »).", "LimitNOFILE=65536 in the systemd unit (\"releve export systemd\")."},
		},
		DoctorBuffers: {
			title: pair{"Tampons des sockets UDP", "UDP socket buffers"},
			ok:    pair{"réception {rmem} Kio, émission {wmem} Kio", "receive {rmem} KiB, send {wmem} KiB"},
			odd:   pair{"réception {rmem} Kio, émission {wmem} Kio ; Relève demande {want} Kio", "receive {rmem} KiB, send {wmem} KiB; Relève asks for {want} KiB"},
			means: pair{"Une rafale d'appels dépasserait le tampon : des messages seraient perdus, puis répétés.", "A burst of calls would overflow the buffer: messages would be lost, then repeated."},
			do:    pair{"sysctl -w net.core.rmem_max={bytes} net.core.wmem_max={bytes}, et le même dans /etc/sysctl.d/90-releve.conf.", "sysctl -w net.core.rmem_max={bytes} net.core.wmem_max={bytes}, and the same in /etc/sysctl.d/90-releve.conf."},
		},
		DoctorHardening: {
			title: pair{"Durcissement du service", "Hardening of the service"},
			ok:    pair{"sans privilège, appels système filtrés, aucun droit particulier", "no privileges, system calls filtered, no special rights"},
			odd:   pair{"{lacks}", "{lacks}"},
			cases: map[string]pair{
				"idle":   {"non vu : le service ne tourne pas", "not seen: the service does not run"},
				"unseen": {"non vu : {why}", "not seen: {why}"},
			},
			means: pair{"Si une faille était trouvée dans Relève, elle donnerait plus de prise sur la machine.", "If a flaw were found in Relève, it would give more hold on the machine."},
			do:    pair{"Installez l'unité durcie : « releve export systemd > /etc/systemd/system/releve.service », puis redémarrez le service.", "Install the hardened unit: \"releve export systemd > /etc/systemd/system/releve.service\", then restart the service."},
		},
	}
}
