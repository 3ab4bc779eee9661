// The keyboard: to the field, through the grid, and the list of keys.

const field = document.getElementById("q");
const viewer = document.getElementById("viewer");
const keys = document.getElementById("keys");

function tiles(grid) {
  return [...grid.querySelectorAll(".tile .open")];
}

/** The picture nearest to this one in the next row, up (-1) or down (1). */
function beside(all, from, direction) {
  const here = from.getBoundingClientRect();
  const middle = here.left + here.width / 2;
  const rows = all.map((link) => [link, link.getBoundingClientRect()])
    .filter(([, box]) => (direction > 0 ? box.top >= here.bottom - 1 : box.bottom <= here.top + 1));
  const edge = direction > 0 ? Math.min(...rows.map(([, box]) => box.top)) : Math.max(...rows.map(([, box]) => box.top));
  const row = rows.filter(([, box]) => Math.abs(box.top - edge) < 4);
  const distance = (box) => Math.abs(box.left + box.width / 2 - middle);
  return row.sort((a, b) => distance(a[1]) - distance(b[1]))[0]?.[0];
}

function move(event) {
  const grid = event.target.closest?.(".grid") ?? (viewer.open ? null : document.getElementById("grid"));
  if (!grid) return;
  const all = tiles(grid);
  const from = event.target.closest?.(".tile")?.querySelector(".open");
  const at = all.indexOf(from);
  const to = {
    ArrowRight: () => all[at + 1] ?? document.querySelector("#more a"),
    ArrowLeft: () => all[Math.max(0, at - 1)],
    ArrowDown: () => (from ? beside(all, from, 1) ?? document.querySelector("#more a") : all[0]),
    ArrowUp: () => from && beside(all, from, -1),
  }[event.key]();
  if (!from && event.key !== "ArrowDown" && event.key !== "ArrowRight") return;
  if (!to) return;
  event.preventDefault();
  to.focus();
}

function similar(event) {
  const link = event.target.closest?.(".tile")?.querySelector(".similar") ??
    document.querySelector(".detail [data-similar]");
  link?.click();
}

/** Arrows move within a grid; down from the field or the top of the page, or right, leads into it. */
function leadsIn(event) {
  if (event.target.closest?.(".grid")) return true;
  if (viewer.open) return false;
  return event.key === "ArrowDown" ? event.target.id === "content"
    : event.key === "ArrowRight" && [document.body, document.getElementById("content")].includes(event.target);
}

document.addEventListener("keydown", (event) => {
  if (event.key === "ArrowDown" && event.target === field) move(event);
  if (event.altKey || event.metaKey || event.ctrlKey || event.defaultPrevented) return;
  if (event.target.closest?.("input, textarea, select") || keys.open) return;
  if (event.key === "/" && !viewer.open) {
    event.preventDefault();
    field.focus();
    field.select();
  } else if (event.key === "?") {
    keys.showModal();
  } else if (event.key.toLowerCase() === "s" && !event.shiftKey) {
    similar(event);
  } else if (event.key.startsWith("Arrow") && leadsIn(event)) {
    move(event);
  }
});

for (const opener of document.querySelectorAll("[data-open=keys]")) {
  opener.addEventListener("click", () => keys.showModal());
}
document.addEventListener("click", (event) => {
  if (event.target === keys) keys.close();
  event.target.closest?.("[data-close]")?.closest("dialog").close();
});
