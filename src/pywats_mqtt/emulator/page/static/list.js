/** The list of the tab that is shown: loaded, drawn so that rows that stay the same stay where they are, and paged. */

import { byId, el } from "./dom.js";

const state = new Map();

/** What the reader chose in each tab. */
function choice(tab) {
  if (!state.has(tab)) {
    state.set(tab, { find: "", before: null });
  }
  return state.get(tab);
}

let drawn = { tab: null, rows: new Map(), table: null };

/** The words that the list of a tab is filtered by. */
export function findOf(tab) {
  return choice(tab).find;
}

/** Filter the list of a tab, from its newest row on. */
export function filter(tab, find) {
  state.set(tab, { find, before: null });
}

/** Show the rows before the last one that is shown, or the newest. */
export function turn(tab, before) {
  choice(tab).before = before;
}

/**
 * Load the list of a tab and draw it.
 * @param {() => boolean} current Whether the answer is still wanted when it comes.
 */
export async function showList(tab, view, selected, total, current) {
  const { find, before } = choice(tab);
  const rows = await view.load(find, before);
  if (!current() || choice(tab).find !== find || choice(tab).before !== before) {
    return;
  }
  if (drawn.tab !== tab) {
    begin(tab, view);
  }
  reconcile(tab, view, rows, selected);
  const last = rows.at(-1);
  const full = view.order !== undefined && rows.length === view.page;
  byId("older").hidden = !full;
  byId("older").dataset.before = full ? view.order(last) : "";
  byId("newest").hidden = before === null;
  say(shownInWords(view, rows.length, { find, before, full, total }));
}

function shownInWords(view, shown, { find, before, full, total }) {
  const what = (count) => (count === 1 ? view.title.slice(0, -1) : view.title).toLowerCase();
  if (!shown) {
    return find ? `No ${what(0)} match.` : before === null ? view.empty : `No older ${what(0)}.`;
  }
  if (full && !find && before === null) {
    return `newest ${shown} of ${total} ${what(total)}`;
  }
  return `${shown} ${what(shown)}${find ? ` with ${find}` : ""}${full ? ", and maybe more" : ""}`;
}

/** Say it only when it is news, so that a screen reader is not told every two seconds. */
function say(words) {
  if (byId("shown").textContent !== words) {
    byId("shown").textContent = words;
  }
}

/** Mark the row that the detail pane shows. */
export function markSelected(selected) {
  for (const [key, row] of drawn.rows) {
    mark(row.node, key === selected);
  }
}

function begin(tab, view) {
  const head = el("tr", {}, view.columns.map(([heading, , kind]) => el("th", { scope: "col", class: kind }, heading)));
  const body = el("tbody");
  const table = el("table", { class: view.detail ? "chosen" : null },
    el("caption", { class: "unseen" }, view.title), el("thead", {}, head), body);
  byId("rows").replaceChildren(table);
  byId("rows").scrollTop = 0;
  byId("list-title").textContent = view.title;
  drawn = { tab, rows: new Map(), table: body };
}

/** Rows keep their element while they look the same: scroll, focus and selected text stay. */
function reconcile(tab, view, rows, selected) {
  const kept = new Map();
  for (const row of rows) {
    const key = String(view.key(row));
    const looks = JSON.stringify(row);
    const before = drawn.rows.get(key);
    const node = before?.looks === looks ? before.node : draw(tab, view, row, key);
    if (before && before.node !== node && before.node.contains(document.activeElement)) {
      before.node.replaceWith(node);
      node.querySelector("a")?.focus({ preventScroll: true });
    }
    mark(node, key === selected);
    kept.set(key, { node, looks });
  }
  for (const [key, { node }] of drawn.rows) {
    if (kept.get(key)?.node !== node) {
      node.remove();
    }
  }
  let place = drawn.table.firstChild;
  for (const { node } of kept.values()) {
    if (node === place) {
      place = place.nextSibling;
    } else {
      drawn.table.insertBefore(node, place);
    }
  }
  drawn.rows = kept;
}

function draw(tab, view, row, key) {
  const cells = view.columns.map(([, cell, kind], index) => {
    const shown = cell(row);
    if (index) {
      return el("td", { class: kind }, shown);
    }
    const head = view.detail ? el("a", { href: `#/${tab}/${encodeURIComponent(key)}` }, shown || "(blank)") : shown;
    return el("th", { scope: "row", class: kind }, head);
  });
  return el("tr", {}, cells);
}

function mark(node, selected) {
  node.classList.toggle("selected", selected);
  const link = node.querySelector("a");
  if (selected) {
    link?.setAttribute("aria-current", "true");
  } else {
    link?.removeAttribute("aria-current");
  }
}
