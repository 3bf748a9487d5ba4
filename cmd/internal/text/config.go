package text

import (
	"strings"
	"time"
)

// The sentences of package config: what is wrong, then what to write instead.

// list joins words as "a, b ou c".
func (m Messages) list(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + m.say(" ou ", " or ") + words[last]
}

// guess adds the suggestion, when there is one.
func (m Messages) guess(word string) string {
	if word == "" {
		return ""
	}
	return m.say(" Vouliez-vous « %s » ?", " Did you mean %q?", word)
}

// ConfigUnreadable (CFG-001): the file cannot be read.
func (m Messages) ConfigUnreadable(cause string) string {
	return m.say("le fichier de configuration ne peut pas être lu : %s.",
		"the configuration file cannot be read: %s.", cause)
}

// ConfigTooLarge (CFG-001): limit in bytes.
func (m Messages) ConfigTooLarge(limit int) string {
	return m.say("le fichier de configuration dépasse %d octets ; est-ce le bon fichier ?",
		"the configuration file is larger than %d bytes; is it the right file?", limit)
}

// ConfigSyntax (CFG-002): the YAML parser's own words come last.
func (m Messages) ConfigSyntax(cause string) string {
	return m.say("la syntaxe YAML est incorrecte (retrait, deux-points ou guillemets) : %s.",
		"the YAML syntax is wrong (indentation, colon or quotes): %s.", cause)
}

// ConfigEmpty (CFG-002): nothing in the file.
func (m Messages) ConfigEmpty() string {
	return m.say("le fichier est vide ; « releve config init » en écrit un, commenté.",
		"the file is empty; \"releve config init\" writes a commented one.")
}

// ConfigOneDocument (CFG-002): a second YAML document follows.
func (m Messages) ConfigOneDocument() string {
	return m.say("le fichier contient plusieurs documents YAML (« --- ») ; un seul est lu, donc un seul est permis.",
		"the file holds several YAML documents (\"---\"); only one is read, so only one is allowed.")
}

// ConfigUnknownKey (CFG-003).
func (m Messages) ConfigUnknownKey(key, where, guess string) string {
	if where == "" {
		return m.say("clé inconnue « %s ».", "unknown key %q.", key) + m.guess(guess)
	}
	return m.say("clé inconnue « %s » dans %s.", "unknown key %q in %s.", key, where) + m.guess(guess)
}

// ConfigDuplicateKey (CFG-004): first is the line of the first one.
func (m Messages) ConfigDuplicateKey(key string, first int) string {
	return m.say("la clé « %s » est déjà donnée à la ligne %d ; gardez-en une.",
		"key %q was already given on line %d; keep one.", key, first)
}

// ConfigWantMapping, ConfigWantList and ConfigWantScalar (CFG-005).
func (m Messages) ConfigWantMapping(key string) string {
	return m.say("%s attend des clés (« nom: valeur »), une par ligne ou entre accolades.",
		"%s wants keys (\"name: value\"), one per line or in braces.", key)
}

// ConfigWantList (CFG-005): key wants a list.
func (m Messages) ConfigWantList(key string) string {
	return m.say("%s attend une liste (une ligne « - … » par élément).",
		"%s wants a list (one line \"- …\" per element).", key)
}

// ConfigWantScalar (CFG-005): key wants one value.
func (m Messages) ConfigWantScalar(key string) string {
	return m.say("%s attend une seule valeur.", "%s wants a single value.", key)
}

// ConfigBadDuration (CFG-006).
func (m Messages) ConfigBadDuration(key, value string) string {
	return m.say("%s : « %s » n'est pas une durée ; écrivez par exemple 500ms, 2s, 5m ou 1h.",
		"%s: %q is not a duration; write for example 500ms, 2s, 5m or 1h.", key, value)
}

// ConfigDurationRange (CFG-007).
func (m Messages) ConfigDurationRange(key string, d, low, high time.Duration) string {
	return m.say("%s : %s est hors limites ; de %s à %s.",
		"%s: %s is out of range; from %s to %s.", key, Short(d), Short(low), Short(high))
}

// ConfigNumberRange (CFG-007): value as written.
func (m Messages) ConfigNumberRange(key, value string, low, high int) string {
	return m.say("%s : « %s » n'est pas un nombre entier de %d à %d.",
		"%s: %q is not a whole number from %d to %d.", key, value, low, high)
}

// ConfigBadBool (CFG-008).
func (m Messages) ConfigBadBool(key, value string) string {
	return m.say("%s : « %s » n'est pas compris ; écrivez true (oui) ou false (non).",
		"%s: %q is not understood; write true or false.", key, value)
}

// ConfigUnknownValue (CFG-008).
func (m Messages) ConfigUnknownValue(key, value string, allowed []string, guess string) string {
	return m.say("%s : « %s » n'est pas permis ; %s.", "%s: %q is not allowed; %s.",
		key, value, m.list(allowed)) + m.guess(guess)
}

// ConfigProfileGone (CFG-008): a profile of an earlier version.
func (m Messages) ConfigProfileGone(key, old, instead string) string {
	return m.say("%s : le profil « %s » n'existe plus ; écrivez %s.",
		"%s: profile %q no longer exists; write %s.", key, old, instead)
}

// ConfigMissing (CFG-009).
func (m Messages) ConfigMissing(key string) string {
	return m.say("%s manque.", "%s is missing.", key)
}

// ConfigEmptyValue (CFG-009): the key is there and says nothing.
func (m Messages) ConfigEmptyValue(key string) string {
	return m.say("%s est vide.", "%s is empty.", key)
}

// ConfigNotYet (CFG-010): known, not built; never ignored in silence.
func (m Messages) ConfigNotYet(what string) string {
	return m.say("%s n'est pas encore disponible dans cette version de Relève ; retirez cette ligne ou choisissez une autre valeur.",
		"%s is not yet available in this version of Relève; remove this line or choose another value.", what)
}

// ConfigBadListen (CFG-011).
func (m Messages) ConfigBadListen(value string) string {
	return m.say("« %s » n'est pas une adresse d'écoute ; écrivez par exemple \"udp://10.20.0.5:5060\" ou \"tcp://10.20.0.5:5060\".",
		"%q is not a listening address; write for example \"udp://10.20.0.5:5060\" or \"tcp://10.20.0.5:5060\".", value)
}

// ConfigBadSIP (CFG-012).
func (m Messages) ConfigBadSIP(key, value string) string {
	return m.say("%s : « %s » n'est pas une adresse SIP ; écrivez par exemple \"sip:10.10.0.10:5060;transport=udp\".",
		"%s: %q is not a SIP address; write for example \"sip:10.10.0.10:5060;transport=udp\".", key, value)
}

// ConfigNeedUser (CFG-012): the address names nobody.
func (m Messages) ConfigNeedUser(key, value string) string {
	return m.say("%s : « %s » ne nomme personne ; écrivez \"sip:9@10.10.0.10\".",
		"%s: %q names nobody; write \"sip:9@10.10.0.10\".", key, value)
}

// ConfigBadIP (CFG-013).
func (m Messages) ConfigBadIP(key, value string) string {
	return m.say("%s : « %s » n'est pas une adresse IP.", "%s: %q is not an IP address.", key, value)
}

// ConfigUnquoted (CFG-014, advice).
func (m Messages) ConfigUnquoted(key, value string) string {
	return m.say("%s : mettez le numéro entre guillemets (\"%s\") ; sans eux, d'autres outils liraient un nombre.",
		"%s: put the number in quotes (\"%s\"); without them other tools would read a quantity.", key, value)
}

// ConfigBadNumber (CFG-015).
func (m Messages) ConfigBadNumber(key, value string) string {
	return m.say("%s : « %s » n'est pas un numéro (chiffres, * et #, + au début, sans espace).",
		"%s: %q is not a number (digits, * and #, a leading +, no space).", key, value)
}

// ConfigBadVersion (CFG-016).
func (m Messages) ConfigBadVersion(key, value string) string {
	return m.say("%s : « %s » n'est pas une version de Wel'Suite ; écrivez par exemple 5.3.6.",
		"%s: %q is not a Wel'Suite version; write for example 5.3.6.", key, value)
}

// ConfigAlias (CFG-017): YAML anchors are not taken.
func (m Messages) ConfigAlias() string {
	return m.say("les renvois YAML (« & », « * », « << ») ne sont pas acceptés ; écrivez la valeur en entier.",
		"YAML references (\"&\", \"*\", \"<<\") are not accepted; write the value out.")
}

// ConfigTooMany (CFG-018).
func (m Messages) ConfigTooMany(key string, limit int) string {
	return m.say("%s : %d éléments au plus.", "%s: %d elements at most.", key, limit)
}

// ConfigTooManyIPBX (CFG-018).
func (m Messages) ConfigTooManyIPBX(limit int) string {
	return m.say("%d IPBX redondants au plus, hors passerelles : un IPBX doublé n'en fait qu'un (clé redundancy), et une passerelle s'écrit avec kind: gateway.",
		"at most %d redundant IPBXs, gateways not counted: a duplicated IPBX is one (key redundancy), and a gateway is written with kind: gateway.", limit)
}

// Short prints a duration as the configuration writes it: 1h, 5m, 2s, 500ms.
func Short(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = s[:len(s)-2]
	}
	if strings.HasSuffix(s, "h0m") {
		s = s[:len(s)-2]
	}
	return s
}
