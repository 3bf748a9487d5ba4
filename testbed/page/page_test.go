package page

import (
	"context"
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"releve/db"
)

// TestScreen is the story of one failure, seen in one tab that is never reloaded.
func TestScreen(t *testing.T) {
	t.Parallel()
	s := open(t, 0, "http", "", "")
	in := chromium(t)
	b := tab(t, in, s.base)
	b.goTo(t, "/")
	b.says(t, "h1", "L'accueil automatique répond")
	b.says(t, "#live-word", "en direct")
	b.says(t, "#servers", "prêt à prendre la relève")
	b.says(t, "#links", "svi-a, jusqu'à")
	b.everyLook(t, "normal")
	ask[bool](t, b, "window.neverReloaded = true")
	plain := tab(t, in, s.base)
	plain.run(t, order(emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true}))
	plain.look(t, 1280, 900, "light")
	plain.goTo(t, "/")
	plain.says(t, "h1", "L'accueil automatique répond")

	if err := s.servers[0].Close(); err != nil {
		t.Fatal(err)
	}
	b.says(t, "#servers", "vérification")
	b.says(t, "h1", "L'accueil automatique est en secours")
	b.says(t, "#verdict", "svi-b")
	b.says(t, "#alarms", "Un serveur vocal ne répond plus")
	b.says(t, "#alarms", "Bascule automatique effectuée")
	b.says(t, "#alarms", "06 00 00 00 00")
	b.says(t, "#timeline", "Bascule faite")
	b.says(t, "#links", "svi-b, jusqu'à")
	b.until(t, "the verdict is said aloud", "document.getElementById('spoken').textContent.includes('en secours')")
	b.until(t, "the alarm is said aloud", "document.getElementById('alert').textContent.startsWith('Nouvelle alarme')")
	b.until(t, "the title tells", "document.title.startsWith('⚠')")
	b.everyLook(t, "alarm")
	s.acknowledged(t, b)
	b.run(t, chromedp.Evaluate[chromedp.Void]("scrollTo(0, 0)"))
	b.shot(t, "acknowledged", true)
	s.wallboard(t, in)
	s.english(t, in)
	s.withoutScript(t, plain)
	s.frozen(t, b)

	if err := s.servers[1].Close(); err != nil {
		t.Fatal(err)
	}
	b.says(t, "h1", "Aucun serveur ne répond")
	b.everyLook(t, "nobody")
	w := tab(t, in, s.base)
	for _, size := range [][2]int64{{1366, 768}, {3840, 2160}, {1920, 1080}} {
		w.look(t, size[0], size[1], "dark")
		w.goTo(t, "/?mur=1")
		w.says(t, "h1", "Aucun serveur ne répond")
		w.says(t, "#alarms", "autres alarmes")
		w.uncut(t, fmt.Sprintf("wallboard of %d", size[0]))
	}
	w.shot(t, "wall-nobody", false)
	if !ask[bool](t, b, "window.neverReloaded === true") {
		t.Error("the page was loaded anew: it is not live")
	}
}

// acknowledged: the dialogue asks for the name, and the screen and the journal say it.
func (s *site) acknowledged(t *testing.T, b *browser) {
	t.Helper()
	b.press(t, "the dialogue is open", "a.take[data-number='1001']", "document.getElementById('take').open")
	b.audited(t, "dialogue")
	b.shot(t, "dialogue", false)
	b.run(t, chromedp.SendKeys(chromedp.CSS("#who"), "Marie"), chromedp.SendKeys(chromedp.CSS("#comment"), "Je regarde l'alimentation"), chromedp.Click(chromedp.CSS("#take .strong")))
	b.says(t, "#alarms", "Acquittée par Marie (écran)")
	b.says(t, "#alarms", "Je regarde l'alimentation")
	b.until(t, "the dialogue is closed", "!document.getElementById('take').open")
	b.says(t, "#timeline", "acquittée")
	var alarms []db.Alarm
	if err := s.node.JSON(t.Context(), "/api/v1/alarms", &alarms); err != nil {
		t.Fatal(err)
	}
	by := ""
	for _, a := range alarms {
		if a.Number == 1001 {
			by = a.AckBy
		}
	}
	if by != "Marie (écran)" {
		t.Errorf("the node says acknowledged by %q", by)
	}
}

// wallboard: dark whatever the theme, nothing to press, all of it in the window.
func (s *site) wallboard(t *testing.T, in context.Context) {
	t.Helper()
	b := tab(t, in, s.base)
	b.look(t, 1920, 1080, "light")
	b.goTo(t, "/?mur=1")
	b.says(t, "h1", "L'accueil automatique est en secours")
	b.says(t, "#live-word", "en direct")
	b.audited(t, "wallboard")
	b.shot(t, "wall", false)
	if n := ask[int](t, b, "document.querySelectorAll('a,button,form,input,summary').length"); n > 1 { // the count of alarms leads to them
		t.Errorf("%d things to press on a wallboard", n)
	}
	if h := ask[float64](t, b, "parseFloat(getComputedStyle(document.querySelector('h1')).fontSize)"); h < 90 {
		t.Errorf("the verdict is %.0f px high: not read at five metres", h)
	}
	b.uncut(t, "wallboard")
	b.look(t, 1120, 630, "light")
	b.uncut(t, "small wallboard")
	b.shot(t, "wall-small", false)
}

// uncut: all that there is to read is in the window.
func (b *browser) uncut(t *testing.T, when string) {
	t.Helper()
	for _, cut := range ask[[]string](t, b, `[...document.querySelectorAll("main p, main li, main dd, main h1, main h2, footer p")].filter((e) => {
		const r = e.getBoundingClientRect();
		return r.height > 0 && (r.bottom > innerHeight + 1 || r.right > innerWidth + 1);
	}).map((e) => Math.round(e.getBoundingClientRect().bottom) + " px: " + e.textContent.trim().slice(0, 60))`) {
		t.Errorf("%s: cut off at %s", when, cut)
	}
}

func (s *site) english(t *testing.T, in context.Context) {
	t.Helper()
	b := tab(t, in, s.base)
	b.look(t, 1280, 900, "light")
	b.goTo(t, "/?lang=en")
	b.says(t, "h1", "The automated attendant runs on the secondary")
	b.says(t, "#alarms", "What to do?")
	b.says(t, "#alarms", "Acknowledge")
	b.audited(t, "english")
	b.shot(t, "english", false)
}

// withoutScript: a page that is not read again greys itself; this one has read itself again meanwhile, and its form posts.
func (s *site) withoutScript(t *testing.T, b *browser) {
	t.Helper()
	b.says(t, "h1", "L'accueil automatique est en secours")
	b.until(t, "a page that nobody keeps greys itself", `(() => { // as if its twenty seconds were over
		for (const a of document.getAnimations()) if (a.animationName !== "drift") a.finish();
		const banner = document.querySelector(".blind-banner");
		return getComputedStyle(document.querySelector("main")).filter.includes("grayscale(1)") &&
			getComputedStyle(banner).visibility === "visible" && banner.getBoundingClientRect().height > 40;
	})()`)
	b.until(t, "the form comes", `location.pathname === "/acknowledge" || (document.querySelector("a.take[data-number='1005']")?.click(), false)`)
	b.says(t, "h1", "Acquitter")
	b.audited(t, "form")
	b.shot(t, "form", false)
	b.run(t, chromedp.SendKeys(chromedp.CSS("#who"), "Luc"), chromedp.Click(chromedp.CSS(".strong")))
	b.says(t, "#alarms", "Acquittée par Luc (écran)")
}

// frozen: a node that stands still greys the page out within seconds, and a page
// without script says by itself that nobody keeps it.
func (s *site) frozen(t *testing.T, b *browser) {
	t.Helper()
	b.pardon(true) // the stream may end while the node does not answer
	if err := syscall.Kill(s.node.Pid(), syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	b.says(t, "#stale", "Données figées depuis")
	b.until(t, "its age is shown", "/1[0-9] s/.test(document.getElementById('stale-age').textContent)")
	b.until(t, "the page is grey", "getComputedStyle(document.querySelector('main')).filter.includes('grayscale(1)')")
	b.shot(t, "stale", false)
	if err := syscall.Kill(s.node.Pid(), syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	b.until(t, "it lives again", "!document.documentElement.classList.contains('stale')")
	b.pardon(false)
	if ask[string](t, b, "getComputedStyle(document.getElementById('stale')).display") != "none" {
		t.Error("the banner stays")
	}
	var st struct{ Now, Observed time.Time }
	if err := s.node.JSON(t.Context(), "/api/v1/status", &st); err != nil || st.Now.Sub(st.Observed).Seconds() > 5 {
		t.Errorf("%v: the node looked last at %s", err, st.Observed)
	}
}
