package page

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"releve/testbed/tlstest"
)

// TestLoginOverTLS: opened with users, the screen shows nothing before the login;
// its cookie is out of the script's reach; a wallboard gets in by its token.
func TestLoginOverTLS(t *testing.T) {
	t.Parallel()
	files := t.TempDir()
	ca, err := tlstest.NewAuthority(files, "ca")
	if err != nil {
		t.Fatal(err)
	}
	pair, err := ca.Issue(tlstest.Leaf{Name: "screen", SANs: []string{host(9)}})
	if err != nil {
		t.Fatal(err)
	}
	for name, secret := range map[string]string{"marie": "une phrase de Marie", "luc": "une phrase de Luc"} {
		verb := exec.Command(binary, "user", "hash")
		verb.Stdin = strings.NewReader(secret + "\n")
		hash, err := verb.Output()
		if err != nil {
			t.Fatal(err)
		}
		keep(t, files+"/"+name, string(hash))
	}
	token := strings.Repeat("c3", 20)
	keep(t, files+"/wall", token)
	s := open(t, 8, "https", "", ", tls: {certificate: "+pair.Certificate+", key: "+pair.Key+"}, users: [{name: marie, role: operator, password_file: "+
		files+"/marie}, {name: luc, password_file: "+files+"/luc}], wall_token_file: "+files+"/wall")
	in := chromium(t)
	b := tab(t, in, s.base)
	b.look(t, 1280, 900, "light")
	b.goTo(t, "/?lang=en")
	b.says(t, "h1", "Log in")
	b.audited(t, "login")
	b.shot(t, "login", false)
	b.pardon(true) // Chromium logs the refusal
	b.run(t, chromedp.SendKeys(chromedp.CSS("#user"), "marie"), chromedp.SendKeys(chromedp.CSS("#password"), "une phrase de Luc"), chromedp.Click(chromedp.CSS(".strong")))
	b.says(t, ".fault", "refused")
	b.pardon(false)
	b.run(t, chromedp.SendKeys(chromedp.CSS("#password"), "une phrase de Marie"), chromedp.Click(chromedp.CSS(".strong")))
	b.says(t, "h1", "The automated attendant answers")
	b.says(t, "#live-word", "live")
	if k := ask[string](t, b, "document.cookie"); k != "" {
		t.Errorf("the script reads the cookie %q", k)
	}
	b.audited(t, "logged in")
	b.run(t, chromedp.Click(chromedp.CSS("footer form button")))
	b.says(t, "h1", "Log in")

	wall := tab(t, in, s.base)
	wall.goTo(t, "/mur?jeton="+token)
	wall.says(t, "h1", "L'accueil automatique répond")
	if at := ask[string](t, wall, "location.href"); strings.Contains(at, token) || !strings.Contains(at, "mur=1") {
		t.Errorf("the wallboard is at %s", at)
	}
	wall.says(t, "#live-word", "en direct")
}

func keep(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}
