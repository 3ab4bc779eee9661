// Pictures to search by: dropped anywhere, or pasted outside a text field.

import { search } from "./search.js";
import { text, warn } from "./texts.js";

const sign = document.getElementById("drop");
const usable = () => document.body.dataset.view !== "empty";

let ours = false;
let depth = 0;

function hold(event) {
  return usable() && !ours && event.dataTransfer?.types.includes("Files");
}

function cover(on) {
  depth = on ? depth : 0;
  sign.hidden = !on;
}

addEventListener("dragstart", () => (ours = true));
addEventListener("dragend", () => (ours = false));
addEventListener("dragenter", (event) => {
  if (!hold(event)) return;
  event.preventDefault();
  depth += 1;
  cover(true);
});
addEventListener("dragover", (event) => hold(event) && event.preventDefault());
addEventListener("dragleave", (event) => {
  if (!hold(event)) return;
  depth -= 1;
  if (depth <= 0) cover(false);
});
addEventListener("drop", (event) => {
  if (!hold(event)) return;
  event.preventDefault();
  cover(false);
  use(event.dataTransfer.files);
});

addEventListener("paste", (event) => {
  const files = event.clipboardData?.files;
  const typing = event.target.closest?.("input, textarea") && event.clipboardData.types.includes("text/plain");
  if (!usable() || typing || !files?.length) return;
  event.preventDefault();
  use(files);
});

function use(files) {
  const picture = [...files].find((file) => file.type.startsWith("image/"));
  if (!picture) return warn(text("not-a-picture"), 5);
  for (const dialog of document.querySelectorAll("dialog[open]")) dialog.close();
  search(picture);
}
