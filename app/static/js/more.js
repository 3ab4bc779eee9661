// More results below those that are there, in the same grid.

import { say, text, warn } from "./texts.js";
import { moved, shown } from "./visit.js";

const MOST = 480;

document.addEventListener("click", async (event) => {
  const link = event.target.closest?.("#more a[rel=next]");
  if (!link || event.metaKey || event.ctrlKey || event.shiftKey) return;
  event.preventDefault();
  if (link.ariaDisabled === "true") return;
  link.ariaDisabled = "true";
  try {
    const answer = await fetch(link.href, { headers: { Accept: "text/html" } });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    if (answer.ok) append(page);
    else refuse(link, page);
  } catch {
    link.ariaDisabled = null;
    warn(text("later"), 5);
  }
});

/** Say what the page says that came instead of more; the link stays, to try again. */
function refuse(link, page) {
  link.ariaDisabled = null;
  const heading = page.querySelector(".message h1");
  warn(heading ? `${heading.textContent}.` : text("later"), 5);
}

function append(page) {
  const grid = document.getElementById("grid");
  const there = new Set([...grid.querySelectorAll("[data-id]")].map((tile) => tile.dataset.id));
  const tiles = [...page.querySelectorAll("#grid [data-id]")].filter((tile) => !there.has(tile.dataset.id));
  grid.querySelector(".rest").before(...tiles);
  document.getElementById("more").replaceChildren(...page.getElementById("more").childNodes);
  tiles[0]?.querySelector("a").focus({ preventScroll: true });
  keepPlace(there.size + tiles.length);
  say(text("more", { n: tiles.length }));
}

/** Reloading brings back as many (up to what the server shows on one page). */
function keepPlace(count) {
  const url = new URL(shown);
  url.searchParams.set("limit", Math.min(count, MOST));
  moved(url.href);
}
