// What makes the page better than its HTML. Without this file it still searches, filters and pages.

import "./search.js";
import "./viewer.js";
import "./more.js";
import "./pictures.js";
import "./keys.js";
import { text } from "./texts.js";
import { watch } from "./visit.js";

document.addEventListener("click", async (event) => {
  const button = event.target.closest?.("[data-copy]");
  if (!button) return;
  await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent);
  button.textContent = text("copied");
});

watch();
