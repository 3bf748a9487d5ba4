package page

import "testing"

// audit is what RGAA 4.1 asks of a page and a script can see: language, title,
// headings, labels, names of controls, captions, sizes of targets, contrast of
// every text (WCAG 2.1 AA: 4.5, large 3), and nothing wider than the window.
const audit = `(() => {
  const faults = [], seen = (e) => { const r = e.getBoundingClientRect(), s = getComputedStyle(e);
    return r.width > 1 && r.height > 1 && s.visibility !== "hidden" && s.display !== "none"; };
  const name = (e) => e.tagName.toLowerCase() + (e.id ? "#" + e.id : "") + "." + (e.getAttribute("class") || "") + " «" + (e.textContent || "").trim().slice(0, 30) + "»";
  if (!["fr", "en"].includes(document.documentElement.lang)) faults.push("no language");
  if (!document.title) faults.push("no title");
  if (document.querySelectorAll("h1").length !== 1) faults.push(document.querySelectorAll("h1").length + " h1");
  if (document.querySelectorAll("main").length !== 1) faults.push("no single main");
  let level = 1;
  for (const h of document.querySelectorAll("h1,h2,h3,h4")) {
    if (h.closest("dialog")) continue;
    if (+h.tagName[1] > level + 1) faults.push("a heading is skipped before " + name(h));
    level = +h.tagName[1];
  }
  const ids = [...document.querySelectorAll("[id]")].map((e) => e.id);
  for (const id of ids) if (ids.indexOf(id) !== ids.lastIndexOf(id)) faults.push("twice the id " + id);
  for (const f of document.querySelectorAll("input:not([type=hidden]),select,textarea"))
    if (!f.labels || !f.labels.length) faults.push("no label: " + name(f));
  for (const c of document.querySelectorAll("a,button,summary"))
    if (!(c.getAttribute("aria-label") || c.textContent).trim()) faults.push("no name: " + name(c));
  for (const t of document.querySelectorAll("table")) {
    if (!t.caption) faults.push("no caption: " + name(t));
    if (!t.querySelector("th[scope]")) faults.push("no scope: " + name(t));
  }
  for (const i of document.querySelectorAll("svg:not([aria-hidden=true]),img:not([alt])")) faults.push("no alternative: " + name(i));
  for (const r of document.querySelectorAll("[aria-labelledby]"))
    if (!document.getElementById(r.getAttribute("aria-labelledby"))) faults.push("labelled by nothing: " + name(r));
  for (const c of document.querySelectorAll("a,button,summary,input:not([type=hidden])")) {
    if (!seen(c) || c.classList.contains("skip")) continue;
    const r = c.getBoundingClientRect();
    if (r.height < 43.5) faults.push("a target of " + Math.round(r.width) + " × " + Math.round(r.height) + ": " + name(c));
  }
  const rgba = (s) => { const m = s.match(/[\d.]+/g).map(Number); return m.length > 3 ? m : [...m.slice(0, 3), 1]; };
  const over = (a, b) => [0, 1, 2].map((i) => a[i] * a[3] + b[i] * (1 - a[3])).concat(1);
  const ground = (e) => { const all = []; for (; e; e = e.parentElement) all.push(rgba(getComputedStyle(e).backgroundColor));
    return all.reverse().reduce((under, c) => over(c, under), [255, 255, 255, 1]); };
  const light = (c) => { const [r, g, b] = c.slice(0, 3).map((x) => { x /= 255; return x <= .04045 ? x / 12.92 : ((x + .055) / 1.055) ** 2.4; });
    return .2126 * r + .7152 * g + .0722 * b; };
  const ratio = (a, b) => { const [x, y] = [light(a), light(b)].sort((m, n) => n - m); return (x + .05) / (y + .05); };
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  let read = 0;
  while (walk.nextNode()) {
    const e = walk.currentNode.parentElement;
    if (!walk.currentNode.textContent.trim() || !seen(e) || e.closest(".aloud,noscript,caption")) continue;
    const s = getComputedStyle(e), at = ground(e), ink = rgba(s.color);
    let veil = 1; for (let x = e; x; x = x.parentElement) veil *= Number(getComputedStyle(x).opacity);
    ink[3] *= veil;
    const large = parseFloat(s.fontSize) >= 24 || parseFloat(s.fontSize) >= 18.66 && Number(s.fontWeight) >= 700;
    const r = ratio(over(ink, at), at);
    read++;
    if (r < (large ? 3 : 4.5)) faults.push("contrast " + r.toFixed(2) + ": " + name(e));
  }
  if (read < 5) faults.push("only " + read + " texts: nothing was judged");
  for (const i of document.querySelectorAll("svg.icon .body")) {
    if (!seen(i)) continue;
    const r = ratio(rgba(getComputedStyle(i).fill), ground(i.closest("svg").parentElement));
    if (r < 3) faults.push("an icon's contrast " + r.toFixed(2) + ": " + i.closest("svg").getAttribute("class"));
  }
  if (document.documentElement.scrollWidth > innerWidth + 1) faults.push("wider than the window: " + document.documentElement.scrollWidth + " > " + innerWidth);
  return faults;
})()`

// audited fails on each fault of the page as it stands.
func (b *browser) audited(t *testing.T, when string) {
	t.Helper()
	for _, fault := range ask[[]string](t, b, audit) {
		t.Errorf("%s: %s", when, fault)
	}
}

// everyLook audits light, dark and a telephone, and takes their pictures.
func (b *browser) everyLook(t *testing.T, name string) {
	t.Helper()
	for _, l := range []struct {
		name, theme   string
		width, height int64
	}{{"dark", "dark", 1280, 900}, {"phone", "light", 360, 740}, {"light", "light", 1280, 900}} {
		b.look(t, l.width, l.height, l.theme)
		b.audited(t, name+" "+l.name)
		b.shot(t, name+"-"+l.name, l.name == "phone")
	}
}
