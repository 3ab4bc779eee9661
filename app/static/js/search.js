// The form and the links of the page, followed without leaving it.

import { isOurs, shown, visit } from "./visit.js";

const form = document.getElementById("ask");
const field = document.getElementById("q");

/** Search by what the form holds, and by `picture` if one is given. */
export function search(picture = null) {
  field.dataset.sent = field.value;
  if (matchMedia("(pointer: coarse)").matches) field.blur();
  closeSheet();
  const data = new FormData(form);
  data.delete("image");
  if (picture) {
    data.set("image", picture, picture.name || "picture");
    visit("/search", { body: data });
  } else {
    for (const { value } of form.querySelectorAll("#kept [name=image]")) data.set("image", value);
    visit(address(data));
  }
}

/** The address that the server would lead to: without what is empty. */
function address(data) {
  data.set("q", field.value.trim().replace(/\s+/g, " "));
  if (data.get("q")) data.delete("all");
  const query = new URLSearchParams([...data].filter(([, value]) => value !== ""));
  return query.size ? `/?${query}` : "/";
}

function closeSheet() {
  const sheet = document.getElementById("filters");
  if (sheet.matches(":popover-open") && !sheet.contains(document.activeElement)) sheet.hidePopover();
}

function plain(event) {
  return !(event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey);
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  search();
});

for (const input of form.querySelectorAll("input[type=file]")) {
  input.addEventListener("change", () => input.files.length && search(input.files[0]));
}

document.addEventListener("change", (event) => {
  if (event.target.matches?.("[data-apply]") && event.target.checkValidity()) search();
});

document.addEventListener("click", (event) => {
  const link = event.target.closest?.("a[href]");
  if (!link || !plain(event) || link.target || link.hasAttribute("download")) return;
  const url = new URL(link.href);
  if (link.getAttribute("href").startsWith("#")) return edit(link, event);
  if (!isOurs(url) || link.rel === "next" || link.closest("#viewer")) return;
  event.preventDefault();
  visit(url.href, { scroll: link.closest("#filters") ? scrollY : 0 });
});

/** A chip leads to where its part is changed: in the sheet, if the pane is hidden. */
function edit(link, event) {
  const target = document.querySelector(link.getAttribute("href"));
  const sheet = document.getElementById("filters");
  if (!target || !sheet.contains(target)) return;
  event.preventDefault();
  if (getComputedStyle(sheet).display === "none") sheet.showPopover();
  if (target.matches("details")) target.open = true;
  target.scrollIntoView({ block: "nearest" });
  target.querySelector("a, input, summary")?.focus();
}

addEventListener("popstate", (event) => {
  if (event.state?.viewer || location.href === shown) return;
  visit(location.href, { mode: "keep", scroll: event.state?.scroll ?? 0 });
});
