/** One request of the log. */

import { get, segment } from "./api.js";
import { el, facts, section, table } from "./dom.js";
import { pretty } from "./objects.js";
import { badge, object, text, time } from "./words.js";

/** The answer of a request, as a word in colour; none is a word, too. */
export function answer(status) {
  if (status === null || status === undefined) {
    return badge("warn", "…", "no answer");
  }
  return status < 400 ? badge("good", "✓", text(status)) : badge("bad", "✗", text(status));
}

/** What the detail pane shows of the request with this number. */
export async function requestDetail(seq, shownKey) {
  if (shownKey && !shownKey.endsWith(" null") && shownKey.startsWith(`${seq} `)) {
    return { key: shownKey }; // an answered request stays what it is, and may be long
  }
  const found = await get(`requests/${segment(seq)}`);
  return { key: `${seq} ${found.status}`, title: `${text(found.method)} ${text(found.path)}`, draw: () => draw(found) };
}

function draw(found) {
  const query = Object.entries(object(found.query));
  return [
    el("p", { class: "lead" }, answer(found.status), found.fault ? badge("warn", "⚡", `Fault: ${text(found.fault)}`) : null),
    facts([["Number", text(found.seq)], ["Time (UTC)", time(found.at)], ["Method", text(found.method)], ["Path", text(found.path)]]),
    section("Query", query.length ? table("Query", ["Parameter", "Value"], query.map(([key, value]) => [key, text(value)])) : null),
    section("Body", found.body === null ? el("p", { class: "kind" }, "empty") : pretty(found.body)),
  ];
}
