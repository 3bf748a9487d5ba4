package text

// What a Wel'Suite level does not have, and what goes with the machines and the
// lines of a site.

// ConfigLevelLacks (CFG-090): key asks for an automatic switchover.
func (m Messages) ConfigLevelLacks(key, level string) string {
	return m.say("%s : le niveau %s ne bascule jamais tout seul et ne garde aucun appel ; retirez la clé, ou passez au niveau high-availability si le site l'a acheté.",
		"%s: level %s never switches by itself and holds no call; remove the key, or take level high-availability if the site has bought it.", key, level)
}

// ConfigAnalogueVirtual (CFG-091).
func (m Messages) ConfigAnalogueVirtual(server string) string {
	return m.say("le serveur %s est une machine virtuelle : elle ne peut pas porter de lignes analogiques, elle n'est prévue qu'en SIP ; raccordez-les par une passerelle SIP (ipbx, kind: gateway).",
		"server %s is a virtual machine: it cannot carry analogue lines, it is meant for SIP alone; bring them in by a SIP gateway (ipbx, kind: gateway).", server)
}

// ConfigAnalogueAutomatic (CFG-091).
func (m Messages) ConfigAnalogueAutomatic(server, level string) string {
	return m.say("des lignes analogiques sont branchées sur le serveur %s : rien ne les bascule tout seul, ce que le niveau %s promet ; raccordez-les par une passerelle SIP (ipbx, kind: gateway), ou prenez le niveau backup.",
		"analogue lines are plugged into server %s: nothing moves them by itself, which level %s promises; bring them in by a SIP gateway (ipbx, kind: gateway), or take level backup.", server, level)
}

// ConfigAnalogueUnseen (CFG-092, advice).
func (m Messages) ConfigAnalogueUnseen(server string, lines int) string {
	return m.say("%d ligne(s) analogique(s) branchée(s) sur le serveur %s : Relève ne voit pas leurs appels, et il faut les recâbler à la main pour basculer.",
		"%d analogue line(s) plugged into server %s: Relève does not see their calls, and they must be recabled by hand to switch over.", lines, server)
}

// ConfigGatewayFirst (CFG-093).
func (m Messages) ConfigGatewayFirst(ipbx, gateway string) string {
	return m.say("l'IPBX %s est écrit après la passerelle %s ; écrivez les passerelles (kind: gateway) à la fin de ipbx.",
		"IPBX %s stands after gateway %s; write the gateways (kind: gateway) at the end of ipbx.", ipbx, gateway)
}

// ConfigNoRegistrar (CFG-094).
func (m Messages) ConfigNoRegistrar(mode string) string {
	return m.say("registration.mode: %s s'enregistre auprès d'un IPBX, et il n'y a que des passerelles ; prenez le mode trunk.",
		"registration.mode: %s registers at an IPBX, and there are gateways alone; take mode trunk.", mode)
}
