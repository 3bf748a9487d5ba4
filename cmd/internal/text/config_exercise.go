package text

// ConfigCopyLevel (CFG-140): the secondary's data are no copy made by hand.
func (m Messages) ConfigCopyLevel(level string) string {
	return m.say("backup_data : au niveau %s les données du secours ne sont pas une copie faite à la main ; retirez cette section (mirror surveille un miroir).",
		"backup_data: at level %s the secondary's data are no copy made by hand; remove this section (mirror watches a mirror).", level)
}

// ConfigDrillLevel (CFG-141): there is nobody to switch over to.
func (m Messages) ConfigDrillLevel(level string) string {
	return m.say("drill : le niveau %s n'a qu'un serveur, un exercice de bascule n'y a pas de sens ; retirez cette section.",
		"drill: level %s has one server, a switchover exercise makes no sense there; remove this section.", level)
}
