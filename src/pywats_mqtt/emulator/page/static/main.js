/**
 * The page: which tab and which thing is shown stands in the address after `#/`; the emulator is asked every two
 * seconds, or less often where it takes long, whether anything changed, and then for the list and the thing shown.
 */

import { Lost, Refused, get } from "./api.js";
import { byId, el } from "./dom.js";
import { filter, findOf, markSelected, showList, turn } from "./list.js";
import { VIEWS } from "./views.js";
import { badge } from "./words.js";

const POLL_MS = 2000;
const SHARE = 10; // a look at very much may take a while; the emulator has other things to do nine tenths of its time
const TYPING_MS = 250;
const FIRST_TAB = "reports";

let route = { tab: FIRST_TAB, id: null };
let summary = null;
let shownKey = null;
let lostAt = null;

/** Draw what the address names, as it is now. */
async function refresh() {
  const asked = route;
  const current = () => route === asked;
  const view = VIEWS[asked.tab];
  await showList(asked.tab, view, asked.id, summary?.counts[asked.tab] ?? 0, current);
  if (asked.id !== null && view.detail) {
    await showDetail(view, asked, current);
  }
}

async function showDetail(view, { tab, id }, current) {
  let found;
  try {
    found = await view.detail(id, shownKey);
  } catch (error) {
    if (!(error instanceof Refused)) {
      throw error;
    }
    found = { key: `refused ${error.message}`, title: "Not there", draw: () => [el("p", {}, error.message)] };
  }
  if (!current() || found.key === shownKey) {
    return;
  }
  const detail = byId("detail");
  const again = shownKey !== null;
  const [top, open] = [detail.scrollTop, again ? openOnes(detail) : []];
  const back = el("a", { href: `#/${tab}`, class: "back" }, "Close");
  const heading = el("h2", { tabindex: -1 }, found.title);
  detail.replaceChildren(el("div", { class: "bar" }, heading, back), ...[found.draw()].flat(Infinity).filter(Boolean));
  for (const node of detail.querySelectorAll("details[data-keep]")) {
    node.open = open.includes(node.dataset.keep);
  }
  detail.scrollTop = again ? top : 0;
  shownKey = found.key;
  if (!again) {
    heading.focus({ preventScroll: true });
  }
}

function openOnes(detail) {
  return [...detail.querySelectorAll("details[data-keep]")].filter((node) => node.open).map((node) => node.dataset.keep);
}

/** Ask what changed, show it, and ask again later. */
async function poll() {
  const began = performance.now();
  try {
    if (!document.hidden) {
      await look();
    }
  } catch (error) {
    sayLost(error);
  }
  setTimeout(poll, Math.max(POLL_MS, SHARE * (performance.now() - began)));
}

async function look() {
  const before = summary;
  summary = await get("summary");
  if (before?.started !== summary.started) {
    shownKey = null; // another emulator, or the same one started anew: what it numbers alike may be something else
  }
  const changed = before?.started !== summary.started || before.changes !== summary.changes || lostAt !== null;
  if (changed || route.tab === "faults") {
    drawTabs();
    await refresh();
  }
  sayConnected();
}

function sayConnected() {
  lostAt = null;
  document.body.classList.remove("lost");
  byId("server").textContent = `WATS ${summary.server} (${summary.version})`;
  say("Live");
}

function sayLost(error) {
  if (!(error instanceof Lost)) {
    say(error instanceof Refused ? `The emulator refuses: ${error.message}` : `This page failed: ${error.message}`);
    console.error(error);
    return;
  }
  lostAt ??= new Date();
  document.body.classList.add("lost");
  say(`The emulator does not answer since ${lostAt.toLocaleTimeString()}; what is shown is older. Trying again …`);
}

function say(words) {
  if (byId("connection").textContent !== words) {
    byId("connection").textContent = words;
  }
}

/** A link for each list that this emulator keeps, with how much is in it. */
function drawTabs() {
  const there = Object.entries(VIEWS).filter(([tab]) => Object.hasOwn(summary?.counts ?? {}, tab));
  const links = there.map(([tab, view]) =>
    el("a", { href: `#/${tab}`, "aria-current": tab === route.tab ? "page" : null }, `${view.title} `,
      el("span", { class: "many" }, String(summary.counts[tab])),
      tab === "faults" && summary.counts.inForce ? [" ", badge("warn", "⚡", "in force")] : null));
  const focused = [...byId("tabs").children].indexOf(document.activeElement);
  byId("tabs").replaceChildren(...links);
  links[focused]?.focus({ preventScroll: true });
  const here = byId("tabs").querySelector("[aria-current]");
  here?.scrollIntoView({ block: "nearest", inline: "nearest" }); // a narrow screen does not show all tabs
}

/** Show what the address names now. */
function follow() {
  const [, tab, id] = location.hash.split("/");
  const known = Object.hasOwn(VIEWS, tab ?? "") ? tab : FIRST_TAB;
  const before = route;
  route = { tab: known, id: id ? decoded(id) : null };
  document.title = `${VIEWS[known].title} · WATS emulator`;
  document.body.classList.toggle("detailed", route.id !== null);
  if (before.tab !== route.tab || before.id !== route.id) {
    shownKey = null;
    byId("detail").replaceChildren();
  }
  byId("find").value = findOf(known);
  markSelected(route.id);
  drawTabs();
  refresh().catch(sayLost);
  if (route.id === null && before.id !== null && before.tab === route.tab) {
    byId("rows").querySelector(`a[href="#/${before.tab}/${CSS.escape(encodeURIComponent(before.id))}"]`)?.focus();
  }
}

function decoded(id) {
  try {
    return decodeURIComponent(id);
  } catch {
    return id; // an address that was typed
  }
}

function listen() {
  let typing;
  byId("find").addEventListener("input", (event) => {
    clearTimeout(typing);
    const { tab } = route;
    typing = setTimeout(() => {
      filter(tab, event.target.value.trim());
      refresh().catch(sayLost);
    }, TYPING_MS);
  });
  byId("filter").addEventListener("submit", (event) => event.preventDefault());
  byId("older").addEventListener("click", (event) => page(event.target.dataset.before));
  byId("newest").addEventListener("click", () => page(null));
  byId("rows").addEventListener("click", (event) => {
    const link = event.target.closest("tr")?.querySelector("a");
    if (link && !event.target.closest("a") && !String(getSelection())) {
      link.click();
    }
  });
  byId("rows").addEventListener("keydown", (event) => {
    const step = { ArrowDown: "nextElementSibling", ArrowUp: "previousElementSibling" }[event.key];
    const link = step && event.target.closest("tr")?.[step]?.querySelector("a");
    if (link) {
      event.preventDefault();
      link.focus();
    }
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && route.id !== null && event.target.id !== "find") {
      location.hash = `#/${route.tab}`;
    }
  });
  addEventListener("hashchange", follow);
}

function page(before) {
  turn(route.tab, before);
  byId("rows").scrollTop = 0;
  refresh().catch(sayLost);
}

listen();
follow();
poll();
