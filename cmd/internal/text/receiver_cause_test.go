package text

import (
	"strings"
	"testing"
)

// TestReceiverCause: what somebody reads who is woken because nobody is told.
func TestReceiverCause(t *testing.T) {
	for _, c := range []struct{ cause, french, english string }{
		{
			`refused for good: mail to anne@ch.fr by smtp.ch.fr:587: AUTH: 535 "5.7.8 Error: authentication failed"`,
			`refus définitif : mail à anne@ch.fr par smtp.ch.fr:587: AUTH: 535 "5.7.8 Error: authentication failed" → utilisateur ou mot de passe refusé : voyez alarms.mail.username et password_file`,
			`refused for good: mail to anne@ch.fr by smtp.ch.fr:587: AUTH: 535 "5.7.8 Error: authentication failed" → user or password refused: see alarms.mail.username and password_file`,
		},
		{
			"mail to anne@ch.fr by smtp.ch.fr:465: the relay did not answer in time (greeting: nothing came)",
			"mail à anne@ch.fr par smtp.ch.fr:465: le relais n'a pas répondu à temps (accueil du relais : rien n'est venu) → port 465 ? il veut tls: implicit",
			"mail to anne@ch.fr by smtp.ch.fr:465: the relay did not answer in time (greeting: nothing came) → port 465? it wants tls: implicit",
		},
		{
			"SNMP to 10.40.0.8:162: no confirmation came (request timeout (after 2 retries))",
			"SNMP vers 10.40.0.8:162: aucune confirmation (request timeout (after 2 retries)) → adresse, pare-feu, ou communauté et mots de passe : un superviseur se tait quand ils sont faux",
			"SNMP to 10.40.0.8:162: no confirmation came (request timeout (after 2 retries)) → address, firewall, or community and passwords: a supervisor is silent when they are wrong",
		},
		{"sms did not end within 10s and was killed", "sms ne s'est pas terminé en 10s et a été arrêté", "sms did not end within 10s and was killed"},
		{"sms ended with 1: no modem", "sms a fini avec le code 1: no modem", "sms ended with 1: no modem"},
		{"webhook x.fr did not answer within 10s", "webhook x.fr n'a pas répondu en 10s", "webhook x.fr did not answer within 10s"},
		{
			"SNMP to 127.0.77.50:1163: error reading from socket: read udp 127.0.0.1:39231->127.0.77.50:1163: recvfrom: connection refused",
			"SNMP vers 127.0.77.50:1163: connexion refusée", "SNMP to 127.0.77.50:1163: connection refused",
		},
		{"syslog to 127.0.77.50:9: dial tcp 127.0.77.50:9: connect: connection refused", "syslog vers 127.0.77.50:9: connexion refusée", "syslog to 127.0.77.50:9: connection refused"},
		{
			"webhook x.invalid: dial tcp: lookup x.invalid on 10.0.0.53:53: no such host",
			"webhook x.invalid: x.invalid: nom inconnu → le DNS ne connaît pas ce nom", "webhook x.invalid: x.invalid: no such host → DNS does not know this name",
		},
		{
			"mail to a@b.fr by 127.0.0.9:25: connect: dial tcp 127.0.0.9:25: connect: connection refused",
			"mail à a@b.fr par 127.0.0.9:25: connexion : connexion refusée", "mail to a@b.fr by 127.0.0.9:25: connect: connection refused",
		},
		{"", "", ""},
	} {
		wide := strings.NewReplacer("\u00a0", " ", "\u202f", " ")
		if got := wide.Replace(For(French).ReceiverCause(c.cause)); got != c.french {
			t.Errorf("French:\n%s\nwant\n%s", got, c.french)
		}
		if got := For(English).ReceiverCause(c.cause); got != c.english {
			t.Errorf("English:\n%s\nwant\n%s", got, c.english)
		}
	}
}
