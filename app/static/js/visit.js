// Going from search to search without leaving the page. The server's HTML is fetched and its parts are
// put in place, so that there is one way to draw a page; the field stays as it is while one types.

import { hush, say, text, warn } from "./texts.js";

const SLOW = 150;
const RETRIES = [1000, 2000, 4000, 8000, 15000];

const field = document.getElementById("q");
const form = document.getElementById("ask");
const content = document.getElementById("content");

let going = null;
let retry = null;
let failures = 0;

/** The address whose content the page shows (the viewer may lie over it under another). */
export let shown = location.href;

/** The page's own address has changed without a visit: more results were added below. */
export function moved(url) {
  shown = new URL(url, location.href).href;
  history.replaceState(history.state, "", shown);
}

/** Whether `url` is one this module can go to. */
export function isOurs(url) {
  return url.origin === location.origin && url.pathname === "/";
}

/**
 * Show what is at `url`, or what the server answers to the form data `body`.
 * `mode` is what becomes of the history: "push", "replace" or "keep".
 */
export async function visit(url, { body = null, mode = "push", scroll = 0, quiet = false } = {}) {
  going?.abort();
  clearTimeout(retry);
  const turn = (going = new AbortController());
  const slow = setTimeout(() => quiet || showWaiting(), SLOW);
  try {
    const request = body ? { method: "POST", body } : {};
    const answer = await fetch(url, { ...request, signal: turn.signal, headers: { Accept: "text/html" } });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    if (turn.signal.aborted) return;
    clearTimeout(slow);
    back();
    if (quiet && page.body.dataset.view === document.body.dataset.view) return watch();
    remember(answer, mode);
    put(page, scroll);
  } catch (error) {
    clearTimeout(slow);
    if (error.name !== "AbortError") again(() => visit(url, { body, mode, scroll, quiet }));
  }
}

/** Keep trying, ever more slowly, and at once when the network says it is back. */
function again(attempt) {
  warn(text("away"));
  content.removeAttribute("aria-busy");
  const wait = RETRIES[Math.min(failures, RETRIES.length - 1)];
  failures += 1;
  clearTimeout(retry);
  retry = setTimeout(attempt, wait);
  addEventListener("online", () => failures && attempt(), { once: true });
}

function back() {
  if (failures) say(text("back"));
  failures = 0;
  hush();
}

function remember(answer, mode) {
  const url = answer.redirected || answer.ok || new URL(answer.url).pathname === "/" ? answer.url : shown;
  if (mode === "push" && url !== location.href) {
    history.replaceState({ ...history.state, scroll: scrollY }, "");
    history.pushState({}, "", url);
  } else if (mode !== "keep") {
    history.replaceState({}, "", url);
  }
  shown = url;
}

function put(page, scroll) {
  const opened = new Set([...document.querySelectorAll("details[data-key][open]")].map((d) => d.dataset.key));
  const focused = document.activeElement;
  const key = focused?.dataset?.key;
  for (const part of page.querySelectorAll("[data-part]")) {
    const here = document.getElementById(part.id);
    if (part.id === "filters-body" && here.contains(focused) && focused.form) keepTyping(part, focused);
    here.replaceChildren(...part.childNodes);
  }
  document.title = page.title;
  document.body.dataset.view = page.body.dataset.view;
  for (const key of opened) find("details", key)?.setAttribute("open", "");
  content.removeAttribute("aria-busy");
  matchField(page);
  refocus(focused, key);
  scrollTo({ top: scroll, behavior: "instant" });
  announce();
  watch();
  dispatchEvent(new Event("page:put"));
}

/** The field that is typed in keeps what was typed since. */
function keepTyping(part, focused) {
  const same = part.querySelector(`[name="${focused.name}"]`);
  if (same) same.value = focused.value;
}

function find(kind, key) {
  return document.querySelector(`${kind}[data-key="${CSS.escape(key)}"]`);
}

/** Going back brings back the words; whoever is typing is left alone. */
function matchField(page) {
  const theirs = page.getElementById("q");
  field.placeholder = theirs.placeholder;
  if (document.activeElement !== field || field.dataset.sent === field.value) fill(theirs.value);
  for (const input of form.querySelectorAll("input[type=file]")) input.value = "";
}

function fill(words) {
  field.value = words;
  field.dataset.sent = words;
}

function refocus(focused, key) {
  if (focused?.isConnected && focused !== document.body) return;
  const same = key && find("a", key);
  const named = focused?.name && document.querySelector(`#filters [name="${focused.name}"]`);
  (same || named || content).focus({ preventScroll: true });
}

function announce() {
  const summary = document.getElementById("summary");
  const heading = document.querySelector(".message h1, .message h2");
  if (!summary) return say(heading?.textContent ?? "");
  const n = Number(summary.dataset.count);
  const weak = document.getElementById("weak")?.textContent ?? "";
  say(n ? `${text("results", { n, what: summary.dataset.say })}. ${weak}` : text("none", { what: summary.dataset.say }));
}

/** A page that waits for something asks again by itself. */
export function watch() {
  const waiting = content.querySelector("[data-retry]");
  if (!waiting) return;
  clearTimeout(retry);
  const seconds = Number(waiting.dataset.retry);
  retry = setTimeout(() => visit(shown, { mode: "keep", quiet: true }), seconds * 1000);
}

function showWaiting() {
  content.setAttribute("aria-busy", "true");
  say(text("searching"));
  if (document.body.dataset.view === "results" && document.getElementById("grid")) return;
  const bones = document.createElement("div");
  bones.className = "bones";
  bones.append(...Array.from({ length: 24 }, () => Object.assign(document.createElement("span"), { className: "bone" })));
  document.getElementById("hero").replaceChildren();
  document.getElementById("filters-body").replaceChildren();
  document.body.dataset.view = "results";
  content.replaceChildren(bones);
}
