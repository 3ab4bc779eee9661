// What the scripts say, from the table that came with the page.

const table = JSON.parse(document.getElementById("strings").textContent);
const language = document.documentElement.lang;
const plural = new Intl.PluralRules(language);
const numbers = new Intl.NumberFormat(language);

/** The text `key` with `values` in its {places}. */
export function text(key, values = {}) {
  const found = table[`js.${key}`];
  const form = typeof found === "string" ? found : (found[plural.select(values.n)] ?? found.other);
  return form.replace(/\{(\w+)\}/g, (_, name) =>
    typeof values[name] === "number" ? numbers.format(values[name]) : values[name],
  );
}

const banner = document.getElementById("banner");
let fading = null;

/** Show `words` above everything: until `hush`, or for so many seconds. */
export function warn(words, seconds = 0) {
  clearTimeout(fading);
  banner.textContent = words;
  banner.hidden = false;
  if (seconds) fading = setTimeout(hush, seconds * 1000);
}

/** Take the warning away. */
export function hush() {
  banner.hidden = true;
}

/** Have screen readers say `words`. */
export function say(words) {
  document.getElementById("live").textContent = words;
}
