/** Any JSON object for a reader: scalars as facts, lists of objects as tables, objects as sections. */

import { el, facts, section, table } from "./dom.js";
import { objects, text, time } from "./words.js";

const LONGEST_SHOWN = 200_000;

/** What an object holds, less the keys in `hidden`. */
export function objectView(value, hidden = []) {
  const entries = Object.entries(value).filter(([key]) => !hidden.includes(key));
  const scalars = entries.filter(([, item]) => item === null || typeof item !== "object");
  const rest = entries.filter(([, item]) => item !== null && typeof item === "object");
  return [
    facts(scalars.map(([key, item]) => [inWords(key), typeof item === "string" ? time(item) : text(item)])),
    rest.map(([key, item]) => section(inWords(key), Array.isArray(item) ? listView(key, item) : objectView(item))),
  ];
}

/** `serialNumber` as "Serial number". */
export function inWords(key) {
  const words = key.replace(/([a-z])([A-Z])/g, "$1 $2").replaceAll("_", " ").toLowerCase();
  return words.charAt(0).toUpperCase() + words.slice(1);
}

function listView(key, items) {
  const found = objects(items);
  if (!found.length) {
    return items.length ? el("p", {}, items.map(text).join(", ")) : null;
  }
  const keys = [...new Set(found.flatMap((item) => Object.keys(item)))];
  const cell = (item) => (typeof item === "string" ? time(item) : text(item));
  return table(inWords(key), keys.map(inWords), found.map((item) => keys.map((name) => cell(item[name]))));
}

/** Any value as indented JSON, a text as it is; what is too long for a page is cut, and says so. */
export function pretty(value) {
  const shown = typeof value === "string" ? value : JSON.stringify(value, null, 2);
  const cut = shown.length > LONGEST_SHOWN;
  return [
    el("pre", { tabindex: 0 }, cut ? shown.slice(0, LONGEST_SHOWN) : shown),
    cut ? el("p", { class: "notice" }, `${shown.length - LONGEST_SHOWN} more characters are not shown.`) : null,
  ];
}

/** The whole object as JSON, folded, and written only when it is unfolded. */
export function raw(value) {
  const details = el("details", { "data-keep": "json" }, el("summary", {}, "As JSON"));
  details.addEventListener("toggle", () => {
    if (details.open && details.children.length === 1) {
      details.append(...pretty(value).filter(Boolean));
    }
  });
  return details;
}
