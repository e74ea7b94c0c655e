// Keeps a page live: replaces the parts that changed, lets times tick, and says when it cannot.
// Pages can be read without this script.
"use strict";

(() => {
  const stream = document.body.dataset.stream;
  if (!stream) return;

  const QUIET_MS = 7000; // the server speaks at least every two seconds
  const REST_AFTER_MS = 60000;
  const RETRY_MS = [1000, 2000, 4000, 8000];
  const liveness = document.getElementById("liveness");
  const announcer = document.getElementById("announcer");

  // --- time: the server's clock, because a phone's may be wrong ---------------------------------

  let skew = Date.parse(document.body.dataset.now) - Date.now();
  let asOf = Date.parse(document.body.dataset.now);
  const now = () => Date.now() + skew;

  function words(ms) {
    const seconds = Math.max(0, Math.floor(ms / 1000));
    for (const [size, unit, smaller, name] of [[86400, "d", 3600, "h"], [3600, "h", 60, "m"], [60, "m", 1, "s"]]) {
      if (seconds < size) continue;
      const rest = Math.floor((seconds % size) / smaller);
      return `${Math.floor(seconds / size)}${unit}` + (rest ? ` ${rest}${name}` : "");
    }
    return `${seconds}s`;
  }

  const TICKS = {
    ago: (at) => `${words(now() - at)} ago`,
    since: (at) => words(now() - at),
    until: (at) => (at > now() ? `in ${words(at - now())}` : `${words(now() - at)} ago`),
  };

  function tick() {
    for (const time of document.querySelectorAll("time[data-tick]")) {
      const say = TICKS[time.dataset.tick];
      if (!say) continue;
      const text = say(Date.parse(time.dateTime));
      if (time.textContent !== text) time.textContent = text;
    }
    showLiveness();
  }

  // --- saying honestly whether the page is live -------------------------------------------------

  let state = "still"; // still | live | lost | over
  let heard = Date.now();

  function show(next, text) {
    if (liveness.dataset.state !== next) liveness.dataset.state = next;
    const place = document.getElementById("liveness-text");
    if (place.textContent !== text) place.textContent = text;
    document.body.classList.toggle("is-lost", next === "lost");
  }

  function showLiveness() {
    if (state === "live") show("live", "live");
    if (state === "lost") show("lost", `reconnecting, this is ${words(now() - asOf)} old`);
  }

  // --- replacing parts without disturbing whoever reads -----------------------------------------

  const toggled = new Map(); // what the reader opened or closed, by key
  document.addEventListener("click", (event) => {
    const summary = event.target.closest("summary");
    const details = summary && summary.parentElement;
    if (details && details.dataset.key) toggled.set(details.dataset.key, !details.open);
  });

  const waiting = new Map(); // parts held back while text in them is selected

  function selecting(part) {
    const selection = document.getSelection();
    return !!selection && !selection.isCollapsed && part.contains(selection.anchorNode);
  }

  function focusPath(part) {
    const active = document.activeElement;
    if (!active || active === part || !part.contains(active)) return null;
    const keyed = active.closest("[data-key]");
    const root = keyed && part.contains(keyed) ? keyed : part;
    const same = [...root.querySelectorAll("a, button, summary, time[tabindex], [tabindex]")];
    return { key: root === part ? null : keyed.dataset.key, place: same.indexOf(active) };
  }

  function refocus(part, path) {
    const root = path.key === null ? part : part.querySelector(`[data-key="${CSS.escape(path.key)}"]`);
    if (!root) return;
    const same = [...root.querySelectorAll("a, button, summary, time[tabindex], [tabindex]")];
    if (same[path.place]) same[path.place].focus({ preventScroll: true });
  }

  // The first keyed thing on the screen stays where the reader has it.
  function anchor() {
    if (window.scrollY < 8) return null;
    for (const one of document.querySelectorAll("main [data-key], main [data-live]")) {
      const top = one.getBoundingClientRect().top;
      if (top >= 0 && top < window.innerHeight) {
        return { key: one.dataset.key, live: one.dataset.live, top };
      }
    }
    return null;
  }

  function hold(kept) {
    if (!kept) return;
    const query = kept.key ? `main [data-key="${CSS.escape(kept.key)}"]` : `main [data-live="${CSS.escape(kept.live)}"]`;
    const one = document.querySelector(query);
    if (one) window.scrollBy({ top: one.getBoundingClientRect().top - kept.top, behavior: "instant" });
  }

  function replace(part, fragment) {
    const path = focusPath(part);
    const known = new Set([...part.querySelectorAll(".entry")].map((one) => one.dataset.key));
    // The server escaped every text in it; the page's policy lets nothing in it run.
    part.innerHTML = fragment.html;
    part.dataset.mark = fragment.mark;
    for (const details of part.querySelectorAll("details[data-key]")) {
      if (toggled.has(details.dataset.key)) details.open = toggled.get(details.dataset.key);
    }
    if (known.size) {
      for (const entry of part.querySelectorAll(".entry")) {
        if (!known.has(entry.dataset.key)) entry.classList.add("is-new");
      }
    }
    if (path) refocus(part, path);
  }

  function apply(fragments) {
    const due = fragments.filter((fragment) => {
      const part = document.querySelector(`[data-live="${CSS.escape(fragment.id)}"]`);
      waiting.delete(fragment.id);
      if (!part || part.dataset.mark === fragment.mark) return false;
      if (selecting(part)) waiting.set(fragment.id, fragment);
      return !selecting(part);
    });
    if (!due.length) return;
    const kept = anchor();
    for (const fragment of due) replace(document.querySelector(`[data-live="${CSS.escape(fragment.id)}"]`), fragment);
    hold(kept);
  }

  document.addEventListener("selectionchange", () => {
    const selection = document.getSelection();
    if (waiting.size && (!selection || selection.isCollapsed)) apply([...waiting.values()]);
  });

  // --- the stream -------------------------------------------------------------------------------

  let source = null;
  let failures = 0;
  let timer = 0;

  function onFragments(event) {
    const message = JSON.parse(event.data);
    heard = Date.now();
    failures = 0;
    state = "live";
    asOf = Date.parse(message.at);
    skew = asOf - Date.now();
    if (document.title !== message.title) document.title = message.title;
    if (announcer.dataset.said !== message.said) {
      announcer.dataset.said = message.said;
      announcer.textContent = message.said;
    }
    apply(message.fragments);
    tick();
  }

  function over(text) {
    state = "over";
    source.close();
    show("lost", text);
  }

  function connect() {
    clearTimeout(timer);
    if (source) source.close();
    heard = Date.now();
    source = new EventSource(stream);
    source.addEventListener("fragments", onFragments);
    source.addEventListener("signed-out", () => {
      over("signed out: reload to sign in");
    });
    source.addEventListener("bye", () => lost());
    source.addEventListener("gone", (event) => over(JSON.parse(event.data).because));
    source.onerror = () => lost();
  }

  function lost() {
    if (state === "over") return;
    state = "lost";
    if (source) source.close();
    clearTimeout(timer);
    timer = setTimeout(connect, RETRY_MS[Math.min(failures++, RETRY_MS.length - 1)]);
    showLiveness();
  }

  setInterval(() => {
    tick();
    // A connection can die without telling: no word for too long counts as lost.
    if (state !== "over" && source && source.readyState !== EventSource.CLOSED && Date.now() - heard > QUIET_MS) lost();
  }, 1000);
  // A browser opens few connections to one place: a page nobody looks at gives its own back.
  let resting = 0;
  document.addEventListener("visibilitychange", () => {
    clearTimeout(resting);
    if (state === "over") return;
    if (document.hidden) {
      resting = setTimeout(() => {
        state = "lost";
        source.close();
        source = null;
        clearTimeout(timer);
      }, REST_AFTER_MS);
    } else if (state === "lost") {
      connect();
    }
  });
  window.addEventListener("pagehide", () => source && source.close());
  window.addEventListener("pageshow", (event) => event.persisted && connect());
  tick();
  connect();
})();
