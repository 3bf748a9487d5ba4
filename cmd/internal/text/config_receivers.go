package text

import "strings"

// The sentences of alarms.snmp, alarms.webhook and alarms.syslog.

// ConfigOID (CFG-130).
func (m Messages) ConfigOID(key, value string) string {
	return m.say("%s : « %s » n'est pas un identifiant d'entreprise ; écrivez \"1.3.6.1.4.1.\" et votre numéro, ou retirez la clé.",
		"%s: %q is no object identifier of an enterprise; write \"1.3.6.1.4.1.\" and your number, or remove the key.", key, value)
}

// ConfigEngineID (CFG-131).
func (m Messages) ConfigEngineID(key, value string) string {
	return m.say("%s : « %s » n'est pas un identifiant de moteur SNMP ; écrivez 5 à 32 octets en hexadécimal, par exemple \"0x80001f8805…\", ou retirez la clé : Relève en fait un et le garde.",
		"%s: %q is no SNMP engine id; write 5 to 32 bytes in hexadecimal, for example \"0x80001f8805…\", or remove the key: Relève makes one and keeps it.", key, value)
}

// ConfigOtherVersion (CFG-132).
func (m Messages) ConfigOtherVersion(key, version string) string {
	return m.say("%s ne sert pas en SNMP version %s ; retirez la clé, ou changez alarms.snmp.version.",
		"%s serves nothing in SNMP version %s; remove the key, or change alarms.snmp.version.", key, version)
}

// ConfigShortSecret (CFG-133).
func (m Messages) ConfigShortSecret(key string, least int) string {
	return m.say("%s : ce secret est trop court ; il en faut au moins %d caractères.", "%s: this secret is too short; it takes at least %d characters.", key, least)
}

// ConfigHookURL (CFG-134). The address is not repeated: it may be a secret.
func (m Messages) ConfigHookURL(key string) string {
	return m.say("%s : écrivez https://hôte/chemin, sans nom d'utilisateur ni mot de passe ; la signature (secret_file) prouve que c'est Relève qui parle.",
		"%s: write https://host/path, without user name or password; the signature (secret_file) proves that it is Relève who speaks.", key)
}

// ConfigURLToken (CFG-135, advice).
func (m Messages) ConfigURLToken(key string) string {
	return m.say("%s : si cette adresse contient un jeton, mettez-la dans un fichier (url_file) : « config show » la montre.",
		"%s: if this address holds a token, put it into a file (url_file): \"config show\" shows it.", key)
}

// ConfigSDID (CFG-136).
func (m Messages) ConfigSDID(key, value string) string {
	return m.say("%s : « %s » ne convient pas ; écrivez nom@numéro d'entreprise, 32 caractères au plus, par exemple \"releve@32473\".",
		"%s: %q does not do; write name@enterprise number, at most 32 characters, for example \"releve@32473\".", key, value)
}

// ConfigCollector (CFG-120).
func (m Messages) ConfigCollector(key, value string) string {
	return m.say("%s : « %s » n'est pas l'adresse d'un collecteur ; écrivez \"udp://10.40.0.9:514\", \"tcp://…\" ou \"tls://siem.exemple.fr:6514\".",
		"%s: %q is not the address of a collector; write \"udp://10.40.0.9:514\", \"tcp://…\" or \"tls://siem.example.com:6514\".", key, value)
}

// receiverAnswers are the words of our receivers, in French. What a receiver says
// itself stays as it is.
var receiverAnswers = []struct{ english, french string }{
	{"inform confirmed by ", "inform confirmé par "},
	{"trap sent to ", "trap parti vers "},
	{"; nothing confirms a trap: look at the receiver, or set inform: true", " ; rien ne confirme un trap : regardez le superviseur, ou mettez inform: true"},
	{"; our engine id: ", " ; notre identifiant de moteur : "},
	{"sent by UDP to ", "parti en UDP vers "},
	{"; nothing confirms it: look at the collector", " ; rien ne le confirme : regardez le collecteur"},
	{"read to its end by ", "lu jusqu'au bout par "},
	{", which leaves the connection open: nothing confirms it", ", qui laisse la connexion ouverte : rien ne le confirme"},
	{", which answers without end: nothing confirms it", ", qui répond sans fin : rien ne le confirme"},
	{"sent to ", "envoyé à "},
}

// ReceiverAnswer is what a receiver of alarms answered to a test.
func (m Messages) ReceiverAnswer(receiver, answer string) string {
	if kind, _, _ := strings.Cut(receiver, " "); m.lang != French || kind != "snmp" && kind != "syslog" {
		return answer
	}
	for _, a := range receiverAnswers {
		answer = strings.Replace(answer, a.english, a.french, 1)
	}
	return answer
}
