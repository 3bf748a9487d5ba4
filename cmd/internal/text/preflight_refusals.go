package text

// studiesOfRefusals: what a call that is not answered shows.
func studiesOfRefusals() map[StudyID]studied {
	return map[StudyID]studied{
		StudyBusy: {
			title: pair{"Après un refus (486 occupé)", "After a refusal (486 busy)"},
			ok:    pair{"ne représente pas l'appel : l'appelant reçoit {final}", "does not present the call again: the caller gets {final}"},
			cases: map[string]pair{"unseen": {"ne représente pas l'appel", "does not present the call again"}},
			odd:   pair{"représente l'appel ({times} fois) après {after} s", "presents the call again ({times} times) after {after} s"},
			means: pair{"L'IPBX représente lui-même un appel refusé : Relève n'a pas à le garder en attente (requeue: false).", "The IPBX presents a refused call again by itself: Relève need not keep it waiting (requeue: false)."},
			do:    pair{"Écrivez dissuasion.requeue: false, et limitez les représentations à l'IPBX.", "Write dissuasion.requeue: false, and limit the presentations at the IPBX."},
		},
		StudyBusyTwice: {
			title: pair{"Après un second refus", "After a second refusal"},
			ok:    pair{"s'arrête : l'appelant reçoit {final}", "stops: the caller gets {final}"},
			cases: map[string]pair{"unseen": {"s'arrête", "stops"}},
			odd:   pair{"recommence encore : {times} présentations", "begins yet again: {times} presentations"},
			means: pair{"L'appel tournerait sans fin entre l'IPBX et Relève, qui l'envoie aux opérateurs à la troisième fois.", "The call would circle between the IPBX and Relève, which sends it to the operators the third time."},
			do:    pair{"À l'IPBX, limitez le nombre de présentations ou donnez une dernière destination (opérateurs) ; configurez rescue.", "At the IPBX limit the presentations or give a last destination (operators); configure rescue."},
		},
		StudyRefusals: {
			title: pair{"Codes de refus", "Refusal codes"},
			ok:    pair{"{codes}", "{codes}"},
			odd:   pair{"{codes}", "{codes}"},
			means: pair{"Le refus « {status} » est celui qui convient à cet IPBX.", "The refusal \"{status}\" is the one that suits this IPBX."},
			do:    pair{"Écrivez dissuasion.status: {status}.", "Write dissuasion.status: {status}."},
		},
		StudyRetryAfter: {
			title: pair{"Retry-After", "Retry-After"},
			ok:    pair{"après 503 avec Retry-After, l'appel suivant arrive aussitôt", "after 503 with Retry-After the next call comes at once"},
			odd:   pair{"après 503 avec Retry-After : {asked}, l'IPBX ne présente plus d'appel pendant {wait} s", "after 503 with Retry-After: {asked} the IPBX presents no call for {wait} s"},
			means: pair{"Un seul refus avec Retry-After écarterait Relève pour tous les appels : Relève n'en met jamais, un serveur peut en envoyer.", "One refusal with Retry-After would turn every call away from Relève: it never writes one, a server may."},
			do:    pair{"À l'IPBX, désactivez la mise à l'écart d'une liaison sur refus (quarantaine).", "At the IPBX switch off setting a trunk aside upon a refusal (quarantine)."},
		},
		StudyRedirect: {
			title: pair{"Redirection (302)", "Redirection (302)"},
			ok:    pair{"suit un 302", "follows a 302"},
			odd:   pair{"ne suit pas un 302 : l'appelant reçoit {final}", "does not follow a 302: the caller gets {final}"},
			means: pair{"Vers les opérateurs, Relève transmet l'appel elle-même (redirect_rescue: false).", "To the operators Relève forwards the call itself (redirect_rescue: false)."},
			do:    pair{"Laissez redirect_rescue: false.", "Leave redirect_rescue: false."},
		},
		StudyRinging: {
			title: pair{"Attente sans sonnerie", "Waiting without a ringing tone"},
			ok:    pair{"100 seul pendant {waited} s : l'appel attend", "100 alone for {waited} s: the call waits"},
			odd:   pair{"sans sonnerie, l'appel est repris après {after} s", "without ringing the call is taken back after {after} s"},
			means: pair{"Pendant une vérification, Relève doit faire sonner (hold_signal: 180).", "During a verification Relève has to ring (hold_signal: 180)."},
			do:    pair{"Écrivez hold_signal: 180.", "Write hold_signal: 180."},
		},
		StudyNoAnswer: {
			title: pair{"Temporisation de non-réponse", "No-answer timer"},
			ok:    pair{"l'appel est repris après {after} s", "the call is taken back after {after} s"},
			odd:   pair{"l'appel est repris après {after} s", "the call is taken back after {after} s"},
			cases: map[string]pair{"longer": {"l'appel sonnait encore après {after} s", "the call still rang after {after} s"}},
			means: pair{"C'est le temps dont Relève dispose pour vérifier et basculer (ipbx.no_answer).", "This is the time Relève has to verify and to switch (ipbx.no_answer)."},
			do:    pair{"Réglez-la à 30 s ou plus à l'IPBX, et écrivez no_answer.", "Set it to 30 s or more at the IPBX, and write no_answer."},
		},
	}
}
