// A picture, large, over the grid. Its page comes from the server like any other; its address is in the
// bar, so that it can be shared, and going back (or Esc) leads to the very place in the grid.

import { text, warn } from "./texts.js";
import { isOurs, shown, visit } from "./visit.js";

const viewer = document.getElementById("viewer");
const body = viewer.querySelector(".viewer-body");

let last = null;
let depth = 0;
let closing = false;

const isPicture = (url) => url.origin === location.origin && url.pathname.startsWith("/pictures/");
const overGrid = () => document.getElementById("grid") !== null;

document.addEventListener("click", (event) => {
  const link = event.target.closest?.("a[href]");
  if (!link || event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey) return;
  if (link.target || link.hasAttribute("download")) return;
  const url = new URL(link.href);
  if (isPicture(url) && overGrid() && !link.closest(".turn")) {
    event.preventDefault();
    open(url.href, "push");
  } else if (viewer.open && isPicture(url)) {
    event.preventDefault();
    open(url.href, "replace");
  } else if (viewer.open && viewer.contains(link) && isOurs(url)) {
    event.preventDefault();
    leave();
    visit(url.href);
  }
});

async function open(url, mode) {
  let page;
  try {
    const answer = await fetch(url, { headers: { Accept: "text/html" } });
    page = new DOMParser().parseFromString(await answer.text(), "text/html");
  } catch {
    warn(text("later"), 5);
    return;
  }
  const detail = page.querySelector(".detail");
  if (!detail) {
    location.href = url;
    return;
  }
  if (mode === "push") {
    if (!viewer.open) depth = 0;
    depth += 1;
    history.pushState({ viewer: true, depth }, "", url);
  } else if (mode === "replace") {
    history.replaceState({ viewer: true, depth }, "", url);
  }
  show(detail, page.title);
}

function show(detail, title) {
  const heading = detail.querySelector("h1");
  const second = Object.assign(document.createElement("h2"), { className: "name-large", textContent: heading.textContent });
  heading.replaceWith(second);
  const direction = viewer.contains(document.activeElement) ? document.activeElement.rel : "";
  body.replaceChildren(detail);
  viewer.ariaLabel = second.textContent;
  viewer.dataset.title ??= document.title;
  document.title = title;
  last = detail.dataset.id;
  if (!viewer.open) viewer.showModal();
  body.scrollTop = 0;
  if (direction) body.querySelector(`.turn [rel="${direction}"]`)?.focus();
}

/** The previous or next picture: in the ranking, or, where there is none, in the grid. */
function turn(direction) {
  const link = (viewer.open ? body : document).querySelector(`.turn [rel="${direction}"]`);
  if (link) return link.click();
  if (!viewer.open || body.querySelector(".turn .place")) return;
  const tiles = [...document.querySelectorAll("#grid .tile")];
  const at = tiles.findIndex((tile) => tile.dataset.id === last);
  const next = at < 0 ? null : tiles[at + (direction === "next" ? 1 : -1)];
  if (next) open(next.querySelector(".open").href, "replace");
}

/** Close without touching the history. (The event comes later than the call.) */
function leave() {
  if (!viewer.open) return;
  closing = true;
  viewer.close();
}

viewer.addEventListener("close", () => {
  document.title = viewer.dataset.title ?? document.title;
  delete viewer.dataset.title;
  body.replaceChildren();
  if (closing) {
    closing = false;
    return;
  }
  const steps = history.state?.depth ?? 0;
  if (steps) history.go(-steps);
  restore();
});

/** The focus goes to the picture that was looked at last, where it is in the grid. */
function restore() {
  const tile = last && document.querySelector(`#grid [data-id="${CSS.escape(last)}"] .open`);
  tile?.focus({ preventScroll: true });
  tile?.scrollIntoView({ block: "nearest" });
}

viewer.addEventListener("click", (event) => event.target === viewer && viewer.close());

viewer.addEventListener("keydown", (event) => {
  if (event.altKey || event.metaKey || event.ctrlKey || event.target.closest("input, .grid")) return;
  if (event.key === "ArrowLeft") turn("prev");
  else if (event.key === "ArrowRight") turn("next");
  else return;
  event.preventDefault();
});

document.addEventListener("keydown", (event) => {
  if (document.body.dataset.view !== "picture" || viewer.open || event.target.closest("input, .grid")) return;
  if (event.key === "ArrowLeft") turn("prev");
  else if (event.key === "ArrowRight") turn("next");
  else if (event.key === "Escape") document.querySelector(".turn .back").click();
});

addEventListener("popstate", (event) => {
  if (event.state?.viewer && overGrid()) {
    depth = event.state.depth;
    open(location.href, "keep");
  } else if (viewer.open) {
    leave();
    if (location.href === shown) restore();
  }
});
