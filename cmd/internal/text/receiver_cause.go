package text

import (
	"regexp"
	"strings"
)

// receiverCauses are the words of our receivers when a notice is not taken, in
// French, the longer ones first. What a receiver says itself stays as it is.
var receiverCauses = []struct{ english, french string }{
	{"refused for good: ", "refus définitif : "},
	{"the receiver was changed meanwhile: ask again", "ce destinataire vient de changer : recommencez"},
	{"an earlier sending is still under way: ask again in a minute", "un envoi précédent n'est pas fini : recommencez dans une minute"},
	{"context deadline exceeded", "délai dépassé"},
	{"internal fault: ", "défaut interne : "},
	{"mail to ", "mail à "},
	{" by ", " par "},
	{"the relay did not answer in time", "le relais n'a pas répondu à temps"},
	{"the relay does not offer STARTTLS: see its settings, or choose another value of tls", "le relais ne propose pas STARTTLS : voyez ses réglages, ou donnez une autre valeur à tls"},
	{"the password would travel in clear: set tls to starttls or implicit", "le mot de passe passerait en clair : mettez tls à starttls ou implicit"},
	{"the relay offers no way that is known here", "le relais ne demande pas de mot de passe, ou d'une façon inconnue d'ici"},
	{"the relay said more than ", "le relais n'en finit pas de parler, plus d'octets que "},
	{"write the mail: ", "mail impossible à écrire : "},
	{"greeting: ", "accueil du relais : "},
	{"nothing came", "rien n'est venu"},
	{"end of DATA: ", "fin du message : "},
	{"connect: ", "connexion : "},
	{"SNMP to ", "SNMP vers "},
	{"no confirmation came", "aucune confirmation"},
	{"the receiver refuses user ", "le superviseur refuse l'utilisateur "},
	{"the receiver answered an inform with something else", "le superviseur répond autre chose à un inform"},
	{"the receiver refused the inform", "le superviseur refuse l'inform"},
	{"nobody listens at ", "personne n'écoute sur "},
	{"syslog to ", "syslog vers "},
	{"not done in time", "pas fini à temps"},
	{"the receiver cut the connection: ", "le collecteur a coupé : "},
	{" did not answer within ", " n'a pas répondu en "},
	{", and is not followed: write the right address in url", ", et n'est pas suivi : écrivez la bonne adresse dans url"},
	{" redirects (", " renvoie ailleurs ("},
	{" is gone for good (410): take it out of the configuration", " n'existe plus (410) : ôtez-le de la configuration"},
	{" asks to wait (", " demande d'attendre ("},
	{" answered ", " a répondu "},
	{" did not end within ", " ne s'est pas terminé en "},
	{" and was killed", " et a été arrêté"},
	{" was ended by a signal: ", " a été terminé par un signal : "},
	{" ended with ", " a fini avec le code "},
	{" can be changed by others: chmod go-w", " peut être modifié par d'autres : chmod go-w"},
	{" belongs to user ", " appartient à l'utilisateur "},
	{", neither root nor Relève's own: chown root", ", ni root ni celui de Relève : chown root"},
	{"run ", "lancement de "},
	{"permission denied", "accès refusé"},
	{"no such file or directory", "fichier inexistant"},
	{"connection refused", "connexion refusée"},
	{"connection reset by peer", "connexion coupée par l'autre bout"},
	{"no route to host", "aucune route vers cette machine"},
	{"network is unreachable", "réseau injoignable"},
	{"i/o timeout", "pas de réponse à temps"},
	{"no such host", "nom inconnu"},
}

// receiverHints follow a cause that holds all of the words: what to look at.
var receiverHints = []struct {
	words []string
	hint  pair
}{
	{[]string{"AUTH: 535"}, pair{"utilisateur ou mot de passe refusé : voyez alarms.mail.username et password_file", "user or password refused: see alarms.mail.username and password_file"}},
	{[]string{"AUTH: 454"}, pair{"le relais ne peut pas vérifier le mot de passe : voyez-le", "the relay cannot check the password: see there"}},
	{[]string{": 530"}, pair{"ce relais veut TLS ou un mot de passe : alarms.mail.tls, username, password_file", "this relay wants TLS or a password: alarms.mail.tls, username, password_file"}},
	{[]string{"Helo command rejected"}, pair{"ce relais veut un nom complet : alarms.mail.hello", "this relay wants a full name: alarms.mail.hello"}},
	{[]string{"RCPT TO: 550"}, pair{"adresse inconnue de ce relais, ou relais refusé à cette machine", "an address this relay does not know, or it relays nothing for this machine"}},
	{[]string{"RCPT TO: 554"}, pair{"ce relais refuse les mails de cette machine, ou veut un mot de passe", "this relay takes no mail of this machine, or wants a password"}},
	{[]string{"RCPT TO: 45"}, pair{"refus passager : Relève réessaie d'elle-même", "refused for now: Relève tries again by itself"}},
	{[]string{"greeting: ", "in time"}, pair{"port 465 ? il veut tls: implicit", "port 465? it wants tls: implicit"}},
	{[]string{"first record does not look like a TLS handshake"}, pair{"ce port ne parle pas TLS d'emblée : tls: starttls ?", "this port does not begin with TLS: tls: starttls?"}},
	{[]string{"certificate signed by unknown authority"}, pair{"autorité inconnue : donnez son certificat dans ca_file", "unknown authority: give its certificate in ca_file"}},
	{[]string{"certificate is valid for"}, pair{"le certificat porte un autre nom : server_name, ou l'adresse", "the certificate has another name: server_name, or the address"}},
	{[]string{"certificate is not valid for any names"}, pair{"le certificat porte un autre nom : server_name, ou l'adresse", "the certificate has another name: server_name, or the address"}},
	{[]string{"certificate has expired"}, pair{"certificat périmé, ou horloge fausse", "the certificate has expired, or the clock is wrong"}},
	{[]string{"no such host"}, pair{"le DNS ne connaît pas ce nom", "DNS does not know this name"}},
	{[]string{"SNMP to ", "no confirmation came"}, pair{"adresse, pare-feu, ou communauté et mots de passe : un superviseur se tait quand ils sont faux", "address, firewall, or community and passwords: a supervisor is silent when they are wrong"}},
	{[]string{" answered 401"}, pair{"signature ou jeton refusé", "signature or token refused"}},
	{[]string{" answered 404"}, pair{"l'adresse (url) n'existe pas là-bas", "the address (url) does not exist there"}},
}

// Addresses and system calls say nothing to who reads a cause: the receiver is
// named already.
var (
	lookupNoise = regexp.MustCompile(`(?:dial (?:tcp|udp)[46]?: )?lookup (\S+) (?:on \S+: )`)
	socketNoise = regexp.MustCompile(`(?:error (?:reading from|writing to) socket: )?(?:dial|read|write) (?:tcp|udp)[46]? [^ ]+: (?:connect: |read: |write: |recvfrom: |sendto: )?`)
)

// ReceiverCause says why a receiver of alarms did not take a notice, in the
// reader's language, and what to look at.
func (m Messages) ReceiverCause(cause string) string {
	hint := ""
	for _, h := range receiverHints {
		if holdsAll(cause, h.words) {
			hint = " → " + m.of(h.hint)
			break
		}
	}
	cause = socketNoise.ReplaceAllString(lookupNoise.ReplaceAllString(cause, "$1: "), "")
	if m.lang == French {
		for _, c := range receiverCauses {
			cause = strings.Replace(cause, c.english, c.french, 1)
		}
	}
	return cause + hint
}

func holdsAll(s string, words []string) bool {
	for _, w := range words {
		if !strings.Contains(s, w) {
			return false
		}
	}
	return true
}
