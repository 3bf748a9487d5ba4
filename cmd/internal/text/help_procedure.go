package text

// helpsOfProcedures are the pages of the guided procedures and of the exercise.
var helpsOfProcedures = map[Verb]help{
	"procedure": {
		pair{"Les procédures guidées et leurs comptes rendus", "The guided procedures and their records"},
		pair{
			"Chacune vérifie ce qu'elle peut, demande le reste, refuse quand une condition manque (sauf --force avec --reason), et laisse un compte rendu au journal. Sans réponse, rien n'est supposé.",
			"Each verifies what it can, asks the rest, refuses when a condition fails (unless --force with --reason), and leaves a record in the journal. Without an answer nothing is assumed.",
		},
	},
	"procedure switchover": {pair{"Basculer vers le secours, pas à pas", "Switch over to the secondary, step by step"}, walkHelp},
	"procedure reinstate":  {pair{"Remettre le principal réparé en service, comme passif", "Put the repaired primary back into service, as passive"}, walkHelp},
	"procedure return":     {pair{"Revenir en mode normal, pas à pas", "Return to normal, step by step"}, walkHelp},
	"procedure mirror":     {pair{"Remettre la base et son miroir en état après une panne", "Restore the database and its mirror after a failure"}, walkHelp},
	"procedure copy":       {pair{"Noter une copie à la main des données sur le secours", "Record a copy by hand of the data to the secondary"}, walkHelp},
	"procedure history":    {pair{"Les procédures passées", "Past procedures"}, pair{"", ""}},
	"procedure report": {
		pair{"Imprimer le compte rendu d'une procédure", "Print the record of a procedure"},
		pair{
			"Sans RÉFÉRENCE : la dernière. --html : une page à imprimer et à signer. Codes de sortie : 0, 1 inconnue, ou son sceau n'est pas valable.",
			"Without REFERENCE: the last one. --html: a page to print and sign. Exit codes: 0, 1 unknown, or its seal is not valid.",
		},
	},
	"drill": {
		pair{"L'exercice de bascule supervisé, et son procès-verbal", "The supervised switchover exercise, and its report"},
		pair{
			"Refuse hors de la fenêtre ou quand quelque chose n'est pas normal ; bascule, tient, revient, vérifie. S'interrompt et revient au premier appel perdu, à la première alarme, ou à Ctrl-C.\nCodes de sortie : 0 réussi, 1 refusé ou interrompu.",
			"Refuses outside the window or when something is not normal; switches over, holds, returns, verifies. Breaks off and returns at the first lost call, the first alarm, or Ctrl-C.\nExit codes: 0 done, 1 refused or broken off.",
		},
	},
}

var walkHelp = pair{
	"--dry-run montre la liste. --answers FICHIER (YAML « étape: oui », ou « étape: {answer: oui, comment: … } ») répond aux questions d'un script ; --yes confirme ce que Relève fait, jamais une question.\nCodes de sortie : 0 faite, 1 refusée, échouée ou abandonnée.",
	"--dry-run shows the list. --answers FILE (YAML \"step: yes\", or \"step: {answer: yes, comment: … }\") answers the questions of a script; --yes confirms what Relève does, never a question.\nExit codes: 0 done, 1 refused, failed or given up.",
}

// flagsOfProcedures are their options.
var flagsOfProcedures = map[string]pair{
	"answers":    {"fichier de réponses, YAML", "file of answers, YAML"},
	"copied-at":  {"quand la copie a été faite (2026-11-23T22:00, ou 3h)", "when the copy was made (2026-11-23T22:00, or 3h)"},
	"dry-run":    {"montrer la liste, ne rien faire", "show the list, do nothing"},
	"force-step": {"passer outre ce qui n'est pas rempli (avec --reason), c'est noté", "override what does not hold (with --reason); it is recorded"},
	"html":       {"une page à imprimer et à signer", "a page to print and sign"},
	"max-calls":  {"appels en cours au plus pour commencer", "calls in progress at most to begin"},
	"hold":       {"combien de temps le secours tient le service", "how long the secondary serves"},
	"quiet":      {"attendre au plus tant d'appels en cours avant le retour", "wait for at most so many calls in progress before the return"},
	"report":     {"écrire le procès-verbal dans ce fichier (.html ou .txt)", "write the report to this file (.html or .txt)"},
	"wait-call":  {"attendre un vrai appel au plus cette durée", "wait for a real call for at most this long"},
	"wait-step":  {"attendre au plus cette durée ce qui se vérifie", "wait for what is verified for at most this long"},
	"window":     {"fenêtre permise, par exemple 02:00-04:00", "window allowed, for example 02:00-04:00"},
	"yes-acts":   {"confirmer ce que Relève fait ; ne répond à aucune question", "confirm what Relève does; answers no question"},
}
