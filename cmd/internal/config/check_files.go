package config

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"releve/router"
	"releve/router/licence"
)

// maxSecret bounds a password file, in bytes, our choice.
const maxSecret = 4096

// users: who registers, and whether their passwords can be read.
func (k *checker) users() {
	g := &k.Registration
	if !k.sound("registration.mode", "registration.users") {
		return
	}
	if g.Mode == licence.Trunk {
		if len(g.Users) > 0 {
			k.fault("registration.users", CodeUsersUnused, k.say.ConfigUsersUnused("trunk"))
		}
		return
	}
	k.matchUsers()
	for i := range g.Users {
		u := &g.Users[i]
		at := "registration.users." + u.Name
		k.need(u.AOR.IsZero(), at+".aor")
		if !u.AOR.IsZero() && u.AOR.User == "" {
			k.fault(at+".aor", CodeSIP, k.say.ConfigNeedUser(at+".aor", u.AOR.String()))
		}
		if g.Mode == licence.Gate && !u.Password.Given() && k.sound(at+".password", at+".password_file", at+".password_env") {
			k.advise(at, CodeNoSentinel, k.say.ConfigNoSentinel(u.Name))
			continue
		}
		k.secret(&u.Password, at)
	}
}

// matchUsers: in gate and pair one user a server, in hold a single one.
func (k *checker) matchUsers() {
	users := k.Registration.Users
	if k.Registration.Mode == licence.Hold {
		if len(users) != 1 {
			k.fault("registration.users", CodeUserMissing, k.say.ConfigOneUser(len(users)))
		}
		return
	}
	var names []string
	byName := map[string]bool{}
	for _, s := range k.Servers {
		names = append(names, s.Name)
	}
	identities := map[string]bool{}
	for _, u := range users {
		byName[u.Name] = true
		at := "registration.users." + u.Name
		if !slices.Contains(names, u.Name) {
			k.fault(at, CodeUserUnknown, k.say.ConfigUserUnknown(u.Name, nearest(u.Name, names)))
		}
		if aor := u.AOR.AOR(); !u.AOR.IsZero() {
			if identities[aor] {
				k.fault(at+".aor", CodeUserUnknown, k.say.ConfigSameAOR(aor))
			}
			identities[aor] = true
		}
	}
	for _, s := range k.Servers {
		if s.Name != "" && s.Role != router.NoServer && !byName[s.Name] {
			k.fault("registration.users", CodeUserMissing, k.say.ConfigUserMissing(ModeName(k.Registration.Mode), s.Name))
		}
	}
}

// secret reads the password of the user at path. A Secret that was given its
// value in code has neither file nor variable and is taken as it is.
func (k *checker) secret(s *Secret, path string) {
	k.secretAt(s, path, path+".password_file", path+".password_env")
}

// secretAt is secret where the keys have other names: of the file, and of the
// variable.
func (k *checker) secretAt(s *Secret, path, file, env string) {
	if !k.sound(path+".password", path, file, env) {
		return
	}
	if s.File == "" && s.Env == "" && s.value != "" {
		return
	}
	if (s.File == "") == (s.Env == "") {
		k.fault(path, CodeSecretSource, k.say.ConfigSecretSource(path))
		return
	}
	if s.Env != "" {
		if s.value = os.Getenv(s.Env); s.value == "" {
			k.fault(env, CodeSecret, k.say.ConfigSecretEmpty(path, "$"+s.Env))
		}
		return
	}
	at := file
	raw, err := readBounded(s.File, maxSecret)
	if err != nil {
		k.fault(at, CodeSecret, k.say.ConfigSecretUnreadable(file, s.File, k.say.Cause(plainCause(err))))
		return
	}
	s.value = strings.TrimRight(string(raw), "\r\n")
	if s.value == "" {
		k.fault(at, CodeSecret, k.say.ConfigSecretEmpty(path, s.File))
	}
	if info, err := os.Stat(s.File); err == nil && info.Mode().Perm()&0o004 != 0 {
		k.advise(at, CodeSecretOpen, k.say.ConfigSecretOpen(s.File))
	}
}

// directories: keys and store must be writable by who runs this. A check by
// root says yes too easily; the daemon checks again as its own user.
func (k *checker) directories() {
	if _, err := os.Stat(k.Keys.File); err != nil && k.sound("keys.file") {
		k.directory("keys.file", filepath.Dir(k.Keys.File))
	}
	if k.sound("store.path") {
		k.directory("store.path", k.Store.Path)
	}
}

// directory: dir is a writable directory, or can be made: serve makes what is
// missing.
func (k *checker) directory(path, dir string) {
	made, err := nearestExisting(dir)
	if err == nil {
		err = unix.Access(made, unix.W_OK|unix.X_OK)
	}
	if err != nil {
		k.fault(path, CodeDirectory, k.say.ConfigDirectory(path, dir, k.say.Cause(plainCause(err))))
	}
}

// nearestExisting returns dir or the closest directory above it that exists.
func nearestExisting(dir string) (string, error) {
	info, err := os.Stat(dir)
	for errors.Is(err, fs.ErrNotExist) && dir != "/" && dir != "." {
		dir = filepath.Dir(dir)
		info, err = os.Stat(dir)
	}
	if err == nil && !info.IsDir() {
		err = unix.ENOTDIR
	}
	return dir, err
}

// plainCause drops the path from an error that the sentence already names.
func plainCause(err error) string {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err.Error()
	}
	return err.Error()
}
