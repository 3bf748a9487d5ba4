package page

import (
	"context"
	"fmt"
	"testing"
	"time"

	"releve/testbed/postgres"
)

// TestMirrorOnTheScreen: two real databases; the main one dies.
func TestMirrorOnTheScreen(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	pair, err := postgres.StartPair(ctx)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pair.Stop)
	files := t.TempDir()
	keep(t, files+"/base", pair.Main.Password)
	s := open(t, 16, "http", fmt.Sprintf("mirror: {main: %q, main_password_file: %[2]s/base, mirror: %[3]q, mirror_password_file: %[2]s/base, max_lag: 10s, interval: 1s, timeout: 800ms}",
		pair.Main.URL("127.0.0.1", "postgres"), files, pair.Mirror.URL("127.0.0.1", "postgres")), "")
	b := tab(t, chromium(t), s.base)
	b.look(t, 1280, 900, "light")
	b.goTo(t, "/")
	b.says(t, "#links", "à jour")
	b.says(t, "#links", "retard 0")
	b.says(t, "#links", "réplique")
	b.audited(t, "mirror")
	b.shot(t, "mirror", true)
	pair.Main.Kill()
	b.says(t, "#links", "LA BASE PRINCIPALE NE RÉPOND PAS")
	b.says(t, "#alarms", "1022")
	b.says(t, "#timeline", "1022")
	b.says(t, "h1", "L'accueil automatique répond") // the calls do not feel it
	b.audited(t, "mirror down")
	b.shot(t, "mirror-down", true)
}
