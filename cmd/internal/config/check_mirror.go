package config

import "releve/router"

// mirror: required where the level is about it, advised where it makes a
// switchover safer, refused where the level has none.
func (k *checker) mirror() {
	if !k.sound("level", "mirror") {
		return
	}
	m := &k.Mirror
	_, given := k.at["mirror"]
	given = given || m.Main.URL != "" || m.Mirror.URL != ""
	switch k.Level {
	case router.Base, router.Backup:
		if given {
			k.fault("mirror", CodeMirrorLevel, k.say.ConfigMirrorLevel(k.Level.String()))
		}
		return
	case router.HighAvailability:
		if !given {
			k.advise("level", CodeMirror, k.say.ConfigMirrorUnwatched())
			return
		}
	}
	k.need(!given, "mirror")
	if !given {
		return
	}
	k.need(m.Main.URL == "", "mirror.main")
	k.need(m.Mirror.URL == "", "mirror.mirror")
	k.mirrorSecrets()
	k.databaseTLS("mirror.main", m.Main.URL)
	k.databaseTLS("mirror.mirror", m.Mirror.URL)
	if m.Watched() && k.sound("mirror.main", "mirror.mirror") {
		k.mirrorPair()
	}
	if m.Timeout >= m.Interval && k.sound("mirror.timeout", "mirror.interval") {
		k.fault("mirror.timeout", CodeOrder, k.say.ConfigOrder("mirror.timeout", m.Timeout, "mirror.interval", m.Interval))
	}
	if m.MaxLag < 2*m.Interval && k.sound("mirror.max_lag", "mirror.interval") {
		k.fault("mirror.max_lag", CodeMirrorLag, k.say.ConfigMirrorLag(m.MaxLag, m.Interval))
	}
}

// mirrorSecrets: the mirror of a PostgreSQL has the main's users and passwords;
// the main's password is the mirror's, too, unless the file gives another.
func (k *checker) mirrorSecrets() {
	m := &k.Mirror
	if m.Main.Password.Given() {
		k.secretAt(&m.Main.Password, "mirror.main_password", "mirror.main_password_file", "mirror.main_password_env")
	}
	if m.Mirror.Password.Given() {
		k.secretAt(&m.Mirror.Password, "mirror.mirror_password", "mirror.mirror_password_file", "mirror.mirror_password_env")
	}
}

// MirrorPassword is the password at the mirror.
func (m *Mirror) MirrorPassword() string {
	if m.Mirror.Password.Given() {
		return m.Mirror.Password.Value()
	}
	return m.Main.Password.Value()
}

// mirrorPair: two databases of one kind; MySQL is watched by the heartbeat.
func (k *checker) mirrorPair() {
	m := &k.Mirror
	switch {
	case m.Main.Scheme() != m.Mirror.Scheme():
		k.fault("mirror.mirror", CodeMirrorPair, k.say.ConfigMirrorKinds(m.Main.Scheme(), m.Mirror.Scheme()))
	case m.Main.Address() == m.Mirror.Address():
		k.fault("mirror.mirror", CodeMirrorPair, k.say.ConfigMirrorSame(m.Main.Address()))
	case m.Main.Scheme() == "mysql" && m.Heartbeat == "" && k.sound("mirror.heartbeat"):
		k.fault("mirror", CodeMirrorBeat, k.say.ConfigMirrorBeat())
	}
}
