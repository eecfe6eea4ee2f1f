/** One report. */

import { get, segment } from "./api.js";
import { el, facts, section, table } from "./dom.js";
import { raw } from "./objects.js";
import { newChoice, stepsTable } from "./steps.js";
import { badge, object, objects, status, text, time } from "./words.js";

const choices = new Map();

/** What the detail pane shows of the report with this id: `key` changes when it must be drawn anew. */
export async function reportDetail(id, shownKey) {
  const [header] = await get("lists/reports", { key: id.toLowerCase() });
  const key = header ? `${header.id} ${header.last_seq}` : id;
  if (key === shownKey) {
    return { key };
  }
  const report = await get(`reports/${segment(id)}`);
  return { key, title: `${text(report.pn)} ${text(report.sn)}`, draw: () => draw(object(header), report) };
}

function draw(header, report) {
  const unit = object(report.type === "R" ? report.uur : report.uut);
  return [
    el("p", { class: "lead" }, status(report.result), header.quarantined ? badge("warn", "⚠", "Quarantined") : null,
      report.type === "R" ? badge("dim", "⚒", "Repair") : null),
    header.quarantined
      ? el("p", { class: "notice" }, "Its start lies in the future: no route of the API shows it until it is sent again with a start that has been.")
      : null,
    facts([
      ["Part number", [text(report.pn), text(report.rev)].filter(Boolean).join(" rev. ")],
      ["Operation", `${text(report.processName)} (${text(report.processCode)})`],
      ["Start (UTC)", time(report.startUTC)],
      ["Execution time", text(unit.execTime) && `${text(unit.execTime)} s`],
      ["Station", text(report.machineName)],
      ["Location", text(report.location)],
      ["Purpose", text(report.purpose)],
      ["Operator", text(unit.user)],
      ["Batch", text(unit.batchSN)],
      ["Fixture", text(unit.fixtureId)],
      ["Socket", text(unit.testSocketIndex)],
      ["Repaired report", text(unit.refUUT) && link("reports", unit.refUUT)],
      ["Comment", text(unit.comment)],
      ["Received", receptions(header)],
      ["Id", text(report.id)],
    ]),
    section("Steps", report.root ? stepsTable(report.root, choiceOf(report.id)) : null),
    rows("Failures", failures(report),
      [["Category", "category"], ["Code", "code"], ["Component", "comRef"], ["Unit", "unit"], ["Comment", "comment"]]),
    rows("Misc. infos", report.miscInfos, [["Description", "description"], ["Text", "text"], ["Number", "numeric"]]),
    rows("Sub-units", report.subUnits,
      [["Serial number", "sn"], ["Part number", "pn"], ["Rev.", "rev"], ["Part type", "partType"], ["Index", "idx"]]),
    rows("Assets", assets(report), [["Asset", "serial"], ["Uses", "uses"], ["Running count after", "runningCount"],
      ["Total count after", "totalCount"], ["Message", "message"]]),
    raw(report),
  ];
}

function choiceOf(id) {
  if (!choices.has(id)) {
    choices.set(id, newChoice());
  }
  return choices.get(id);
}

function link(tab, id) {
  return el("a", { href: `#/${tab}/${segment(text(id))}` }, text(id));
}

function receptions(header) {
  if (!header.receiveCount) {
    return null;
  }
  const first = ["in request ", link("requests", header.first_seq)];
  return el("span", {}, header.receiveCount === 1
    ? first
    : [`${header.receiveCount} times, first `, first, ", last ", link("requests", header.last_seq)]);
}

/** A section with a table of some keys of objects; null without any. */
function rows(title, value, columns) {
  const found = objects(value);
  const cells = found.map((item) => columns.map(([, key]) => text(item[key])));
  return found.length ? section(title, table(title, columns.map(([heading]) => heading), cells)) : null;
}

function failures(report) {
  return objects(report.subUnits).flatMap((unit) =>
    objects(unit.failures).map((failure) => ({ ...failure, unit: `${text(unit.pn)} ${text(unit.sn)}` })));
}

function assets(report) {
  const after = new Map(objects(report.assetStats).map((stat) => [text(stat.assetSN), stat]));
  return objects(report.assets).map((used) => {
    const serial = text(used.assetSN ?? used.sn);
    const { runningCount, totalCount, message } = object(after.get(serial));
    return { serial, uses: used.usageCount, runningCount, totalCount, message };
  });
}
