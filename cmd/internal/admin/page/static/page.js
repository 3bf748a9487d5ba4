// The alarm screen, kept live by server-sent events. Everything shown is rendered
// by Relève; the script replaces the sections that changed, counts the ages, and
// greys the page out when nothing has come for ten seconds.
"use strict";
(() => {
  const root = document.documentElement, body = document.body;
  const byId = (id) => document.getElementById(id);
  const staleAfter = 10000, retryAfter = 4000;
  const fr = root.lang !== "en";
  let nodeAhead = Number(body.dataset.now) * 1000 - Date.now(); // the node's clock minus ours
  let heardWall = Date.now(), heardMono = performance.now(); // of the last message
  let observed = heardWall + nodeAhead; // when the node last looked, by its own clock
  let fresh = !root.classList.contains("stale");
  let source = null, opened = -retryAfter;
  const closed = new Set(); // "What to do?" that the reader closed

  root.classList.add("js");

  const two = (n) => String(n).padStart(2, "0");
  function ago(ms) {
    const s = Math.max(1, Math.floor(ms / 1000));
    if (s < 60) return s + " s";
    if (s < 3600) return Math.floor(s / 60) + " min " + two(s % 60) + " s";
    if (s < 86400) return Math.floor(s / 3600) + " h " + two(Math.floor(s % 3600 / 60)) + " min";
    return Math.floor(s / 86400) + (fr ? " j " : " d ") + two(Math.floor(s % 86400 / 3600)) + " h";
  }

  // silence is how long nothing came, by the clock that says more: one of them may
  // have been set back, the other may stand while the machine sleeps.
  const silence = () => Math.max(Date.now() - heardWall, performance.now() - heardMono);

  function tick() {
    const quiet = silence(), now = Date.now() + nodeAhead;
    const stale = quiet > staleAfter || !fresh;
    if (!stale) for (const t of document.querySelectorAll("time[data-since]")) {
      const said = ago(now - Number(t.dataset.since) * 1000);
      if (t.textContent !== said) t.textContent = said;
    }
    root.classList.toggle("stale", stale);
    byId("live-word").textContent = stale ? body.dataset.lost : body.dataset.live;
    if (stale) byId("stale-age").textContent = ago(fresh ? quiet : Math.max(quiet, now - observed));
    if (!source || source.readyState === EventSource.CLOSED || quiet > 3 * staleAfter) open();
  }

  function heard(message) {
    heardWall = Date.now();
    heardMono = performance.now();
    nodeAhead = message.now - heardWall;
    observed = message.observed;
    fresh = message.fresh;
    byId("clock").textContent = message.clock;
    const live = byId("live");
    live.classList.remove("beating");
    void live.offsetWidth; // begins the animation anew
    live.classList.add("beating");
  }

  // While the reader presses the mouse nothing is replaced, or his click would be lost:
  // the newest state waits for the end of it, a second at most.
  const longestPress = 1000;
  let pressed = -longestPress, kept = null;
  document.addEventListener("pointerdown", () => { pressed = performance.now(); }, true);
  for (const end of ["pointerup", "pointercancel"]) document.addEventListener(end, () => {
    pressed = -longestPress;
    setTimeout(() => { if (kept) apply(kept); }); // after the click
  }, true);

  // swap replaces what changed of a section, and keeps what the reader did there.
  function swap(id, html) {
    const box = byId(id);
    if (!box || box.shown === html) return;
    const focus = box.contains(document.activeElement) ? document.activeElement.id || document.activeElement.tagName : "";
    box.innerHTML = html;
    box.shown = html;
    for (const d of box.querySelectorAll("details[data-key]")) if (closed.has(d.dataset.key)) d.open = false;
    if (focus) (byId(focus) || (id === "alarms" ? box : null))?.focus({ preventScroll: true });
  }

  let known = null; // alarms that were said aloud
  function apply(state) {
    kept = null;
    if (performance.now() - pressed < longestPress) {
      kept = state;
      setTimeout(() => { if (kept) apply(kept); }, longestPress);
      return;
    }
    const before = byId("verdict-says")?.textContent;
    for (const id in state.sections) swap(id, state.sections[id]);
    document.title = ({ good: "", care: "⚠ ", bad: "✖ ", unknown: "? " })[state.tone] + state.title;
    for (const tone of ["good", "care", "bad", "unknown"]) root.classList.toggle(tone, tone === state.tone);
    byId("favicon").href = "/static/" + state.tone + ".svg?v=" + body.dataset.stamp;
    const says = byId("verdict-says")?.textContent;
    if (says !== before) byId("spoken").textContent = says;
    const fresh = known && state.alarms.filter((a) => !known.has(a));
    if (fresh && fresh.length) byId("alert").textContent = body.dataset.newAlarm + " " + fresh.join(", ");
    known = new Set(state.alarms);
  }

  function open() {
    if (performance.now() - opened < retryAfter) return;
    opened = performance.now();
    if (source) source.close();
    const s = source = new EventSource(body.dataset.stream);
    s.addEventListener("state", (e) => {
      const m = JSON.parse(e.data);
      if (m.stamp !== body.dataset.stamp) { location.reload(); return; } // another version of Relève
      heard(m);
      apply(m);
      tick();
    });
    s.addEventListener("beat", (e) => { heard(JSON.parse(e.data)); tick(); });
    s.addEventListener("end", () => { s.close(); location.reload(); }); // the session has ended
  }

  document.addEventListener("toggle", (e) => {
    const key = e.target.dataset && e.target.dataset.key;
    if (key) e.target.open ? closed.delete(key) : closed.add(key);
  }, true);

  const take = byId("take");
  if (take && take.showModal) {
    const form = take.querySelector("form"), fault = form.querySelector(".fault");
    document.addEventListener("click", (e) => {
      const link = e.target.closest && e.target.closest("a.take");
      if (!link) return;
      e.preventDefault();
      form.number.value = link.dataset.number;
      form.object.value = link.dataset.object;
      form.comment.value = "";
      byId("take-what").textContent = link.dataset.number + " " + link.dataset.title;
      fault.hidden = true;
      if (form.who && !form.who.value) try { form.who.value = localStorage.getItem("releve-name") || ""; } catch { /* no storage: typed anew */ }
      take.showModal();
      (form.who && !form.who.value ? form.who : form.comment).focus();
    });
    form.querySelector("[value=close]").addEventListener("click", () => take.close());
    form.addEventListener("submit", async (e) => {
      e.preventDefault();
      if (form.who) try { localStorage.setItem("releve-name", form.who.value); } catch { /* as above */ }
      let said = body.dataset.refused;
      try {
        const r = await fetch(form.action, { method: "POST", body: new URLSearchParams(new FormData(form)), headers: { Accept: "text/plain" } });
        if (r.ok && !r.redirected) { take.close(); return; }
        said = r.status === 401 || r.redirected ? body.dataset.ended : (await r.text()).trim() || said;
      } catch { /* the node does not answer: refused */ }
      fault.textContent = said;
      fault.hidden = false;
    });
  }

  open();
  setInterval(tick, 500);
  document.addEventListener("visibilitychange", tick);
})();
