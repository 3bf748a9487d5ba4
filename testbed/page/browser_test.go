package page

import (
	"context"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

var shots = flag.String("shots", os.Getenv("RELEVE_SHOTS"), "keep the pictures here")

// patience bounds one wait; what is waited for takes seconds on a slow machine.
const patience = 40 * time.Second

// browser is one tab, and what went wrong in it.
type browser struct {
	ctx    context.Context
	origin string
	folder string

	mu       sync.Mutex // guards what follows
	troubles []string
	pardoned bool
}

// chromium starts a browser; each test has its own.
func chromium(t *testing.T) context.Context {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		t.Fatal("this test needs Debian's chromium: bash testbed/install.sh chromium")
	}
	o := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.UserDataDir(t.TempDir()),
		chromedp.Flag("ignore-certificate-errors", true), chromedp.WSURLReadTimeout(time.Minute),
		chromedp.Flag("disable-dev-shm-usage", true), chromedp.Flag("force-color-profile", "srgb"))
	if os.Geteuid() == 0 {
		o = append(o, chromedp.NoSandbox) // it refuses root otherwise
	}
	ctx, cancel := chromedp.NewExecAllocator(context.Background(), o...)
	first, stop := chromedp.NewContext(ctx)
	t.Cleanup(func() {
		_ = chromedp.Cancel(first) // waits until it is gone, for its folder is removed next
		stop()
		cancel()
	})
	if err := chromedp.Do(first); err != nil {
		t.Fatalf("start chromium: %v", err)
	}
	return first
}

// tab opens one that watches for errors and for requests to others.
func tab(t *testing.T, in context.Context, origin string) *browser {
	t.Helper()
	ctx, cancel := chromedp.NewContext(in)
	t.Cleanup(cancel)
	b := &browser{ctx: ctx, origin: origin, folder: *shots}
	if b.folder == "" {
		b.folder = t.TempDir()
	} else if err := os.MkdirAll(b.folder, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := chromedp.Listen(ctx, b.heard); err != nil {
		t.Fatal(err)
	}
	b.run(t, order(network.Enable, network.EnableParams{}), order(log.Enable, cdp.Empty{}), order(runtime.Enable, cdp.Empty{}))
	t.Cleanup(func() {
		for _, x := range b.complaints() {
			t.Errorf("the browser: %s", x)
		}
	})
	return b
}

func (b *browser) heard(event any) {
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		b.complain("exception: " + e.ExceptionDetails.Text)
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.ConsoleAPICalledTypeError || e.Type == runtime.ConsoleAPICalledTypeWarning {
			b.complain("console: " + string(e.Args[0].Value))
		}
	case *log.EventEntryAdded:
		if e.Entry.Level == log.EntryLevelError || e.Entry.Level == log.EntryLevelWarning {
			b.complain("log: " + e.Entry.Text + " " + e.Entry.URL)
		}
	case *network.EventRequestWillBeSent:
		if u := e.Request.URL; !strings.HasPrefix(u, b.origin+"/") && !strings.HasPrefix(u, "data:") {
			b.complain("a request to " + u)
		}
	}
}

func (b *browser) complain(what string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.pardoned {
		b.troubles = append(b.troubles, what)
	}
}

func (b *browser) complaints() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.troubles
}

// pardon says that what fails from now on is meant to.
func (b *browser) pardon(yes bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.pardoned = yes
}

// order is one command of the protocol as a step.
func order[P, R any](c cdp.Command[P, R], params P) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, c, params)
		return err
	})
}

func (b *browser) run(t *testing.T, steps ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		t.Fatal(err)
	}
}

// ask evaluates an expression.
func ask[T any](t *testing.T, b *browser, expression string) T {
	t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	out, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression))
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// until waits for an expression to hold, while the page does what it does.
func (b *browser) until(t *testing.T, what, expression string) {
	t.Helper()
	for end := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) {
		ctx, cancel := context.WithTimeout(b.ctx, patience)
		is, err := chromedp.Run(ctx, chromedp.Evaluate[bool]("!!("+expression+")"))
		cancel()
		if err == nil && is {
			return
		}
		if time.Now().After(end) {
			said, _ := chromedp.Run(b.ctx, chromedp.Evaluate[string]("document.body.innerText")) // nothing: a blank page
			t.Fatalf("%s: not within %s (%v); the screen says:\n%s", what, patience, err, said)
		}
	}
}

// press clicks with the mouse until it is so: what is clicked may move away before, as
// more is shown above it.
func (b *browser) press(t *testing.T, what, selector, so string) {
	t.Helper()
	for end := time.Now().Add(patience); ; {
		b.run(t, chromedp.Click(chromedp.CSS(selector)))
		for again := time.Now().Add(2 * time.Second); time.Now().Before(again); time.Sleep(50 * time.Millisecond) {
			if ask[bool](t, b, "!!("+so+")") {
				return
			}
		}
		if time.Now().After(end) {
			t.Fatalf("%s: not within %s of clicks", what, patience)
		}
		t.Logf("%s: clicked again", what)
	}
}

// says waits for a text in an element.
func (b *browser) says(t *testing.T, selector, want string) {
	t.Helper()
	b.until(t, selector+" says "+want, "(document.querySelector('"+selector+"')?.innerText || '').includes("+quote(want)+")")
}

func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `\'`) + "'" }

func (b *browser) goTo(t *testing.T, path string) {
	t.Helper()
	b.run(t, chromedp.Navigate(b.origin+path))
}

// look sets the window and the theme; nothing moves, so that pictures are alike.
func (b *browser) look(t *testing.T, width, height int64, theme string) {
	t.Helper()
	b.run(t, chromedp.EmulateViewport(width, height),
		order(emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: theme}, {Name: "prefers-reduced-motion", Value: "reduce"}}}))
}

// shot keeps a picture of the window; whole: of all of the page.
func (b *browser) shot(t *testing.T, name string, whole bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	take := chromedp.CaptureScreenshot()
	if whole {
		take = chromedp.FullScreenshot(100)
	}
	picture, err := chromedp.Run(ctx, take)
	if err != nil {
		t.Fatal(err)
	}
	if len(picture) < 5000 {
		t.Errorf("%s: a picture of %d bytes shows nothing", name, len(picture))
	}
	if err := os.WriteFile(filepath.Join(b.folder, name+".png"), picture, 0o644); err != nil {
		t.Fatal(err)
	}
}
