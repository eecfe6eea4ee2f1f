/**
 * Elements from plain values. What devices sent is untrusted: here it becomes text and attribute values, and nowhere
 * on this page is a text parsed as markup.
 */

const SVG = "http://www.w3.org/2000/svg";

/** An element: attributes that are null, undefined or false are left out, true ones are empty; children may be text. */
export function el(tag, attributes = {}, ...children) {
  return filled(document.createElement(tag), attributes, children);
}

/** The same for a drawing. */
export function svg(tag, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, tag), attributes, children);
}

function filled(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined && value !== false) {
      node.setAttribute(name, value === true ? "" : String(value));
    }
  }
  node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined));
  return node;
}

/** The element with this id. */
export function byId(id) {
  return document.getElementById(id);
}

/** A heading and what belongs to it; null when nothing does. */
export function section(title, ...content) {
  const there = content.flat(Infinity).filter(Boolean);
  return there.length ? el("section", {}, el("h3", {}, title), there) : null;
}

/** Name and value in pairs, those without a value left out; null when none is left. */
export function facts(pairs) {
  const there = pairs.filter(([, value]) => value !== null && value !== undefined && value !== "");
  if (!there.length) {
    return null;
  }
  return el("dl", {}, there.map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value))));
}

/** Such as a hash: it may be broken anywhere, which would make other words unreadable in a narrow column. */
const LONG_WORD = /[^\s-]{20}/;

/**
 * A table with real headers.
 * @param {string} caption What it holds, for screen readers.
 * @param {string[]} headings One a column.
 * @param {Array<Array>} rows Text or elements, one a column; the first heads its row.
 */
export function table(caption, headings, rows) {
  const head = el("tr", {}, headings.map((heading) => el("th", { scope: "col" }, heading)));
  const body = rows.map(([first, ...cells]) => {
    const row = el("tr", {}, el("th", { scope: "row" }, first), cells.map((cell) => el("td", {}, cell)));
    for (const cell of row.children) {
      cell.classList.toggle("long", LONG_WORD.test(cell.textContent));
    }
    return row;
  });
  return el("div", { class: "scroll" },
    el("table", {}, el("caption", { class: "unseen" }, caption), el("thead", {}, head), el("tbody", {}, body)));
}
