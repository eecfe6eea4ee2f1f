/** How values are written for a reader. Everything takes anything: a device may send what nobody expects. */

import { el } from "./dom.js";

const STATUSES = {
  P: ["good", "✓", "Passed"],
  F: ["bad", "✗", "Failed"],
  E: ["bad", "!", "Error"],
  T: ["bad", "■", "Terminated"],
  S: ["dim", "–", "Skipped"],
  D: ["dim", "•", "Done"],
};
const BY_WORD = Object.fromEntries(Object.values(STATUSES).map((status) => [status[2], status]));
const INSIDE = { GTLT: ["<", "<"], GTLE: ["<", "≤"], GELT: ["≤", "<"], GELE: ["≤", "≤"] };
const OUTSIDE = { LTGT: ["<", ">"], LTGE: ["<", "≥"], LEGT: ["≤", ">"], LEGE: ["≤", "≥"] };
const ONE = { EQ: "=", EQT: "=", NE: "≠", GT: ">", GE: "≥", LT: "<", LE: "≤" };
const UNITS = ["bytes", "kB", "MB", "GB"];

/** Any value as one text; nothing for null. */
export function text(value) {
  if (value === null || value === undefined) {
    return "";
  }
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

/** The objects of what should be a list of objects. */
export function objects(value) {
  return Array.isArray(value) ? value.filter((item) => item !== null && typeof item === "object") : [];
}

/** What should be an object, as one. */
export function object(value) {
  return value !== null && typeof value === "object" && !Array.isArray(value) ? value : {};
}

/** A word in colour with a sign before it, so that colour is never all that tells. */
export function badge(kind, sign, word) {
  return el("span", { class: `badge ${kind}` }, el("span", { "aria-hidden": "true" }, sign), ` ${word}`);
}

/** The status of a report or step, by its letter or its word. */
export function status(value) {
  const known = Object.hasOwn(STATUSES, value) ? STATUSES[value] : Object.hasOwn(BY_WORD, value) ? BY_WORD[value] : null;
  return known ? badge(...known) : badge("dim", "?", text(value) || "Unknown");
}

/** Whether a status is one that a reader looks for. */
export function isBad(value) {
  return value === "F" || value === "E" || value === "T";
}

/** A time of the wire, in UTC, to the second. */
export function time(value) {
  const shown = text(value);
  const found = /^(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)/.exec(shown);
  return found ? el("time", { datetime: shown, title: shown }, `${found[1]} ${found[2]}`) : shown;
}

/** A word of the emulator's own, which is short and stays in one piece. */
export function word(value) {
  return el("span", { class: "word" }, text(value));
}

/** A number of bytes. */
export function size(bytes) {
  const power = bytes < 1000 ? 0 : Math.min(3, Math.floor(Math.log10(bytes) / 3));
  return `${power ? (bytes / 1000 ** power).toPrecision(3) : bytes} ${UNITS[power]}`;
}

/** The condition that a measurement had to meet. */
export function limits(measurement) {
  const operator = text(measurement.compOp) || "LOG";
  const [low, high] = [text(measurement.lowLimit), text(measurement.highLimit)];
  if (measurement.limit !== undefined && measurement.limit !== null) {
    const rest = operator === "IGNORECASE" ? " in any case" : "";
    return `${operator === "NE" ? "≠" : "="} ${text(measurement.limit)}${rest}`;
  }
  if (Object.hasOwn(INSIDE, operator)) {
    return `${low} ${INSIDE[operator][0]} x ${INSIDE[operator][1]} ${high}`;
  }
  if (Object.hasOwn(OUTSIDE, operator)) {
    return `x ${OUTSIDE[operator][0]} ${low} or x ${OUTSIDE[operator][1]} ${high}`;
  }
  if (Object.hasOwn(ONE, operator)) {
    return `${ONE[operator]} ${low}`;
  }
  return [low, high].filter(Boolean).join(" … ");
}
