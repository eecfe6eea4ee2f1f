/** One asset. */

import { get, segment } from "./api.js";
import { el, facts, section, table } from "./dom.js";
import { raw } from "./objects.js";
import { badge, object, objects, text, time } from "./words.js";

const STATES = ["Unknown", "In operation", "In transit", "In maintenance", "In calibration", "In storage", "Scrapped"];
const LOG_TYPES = ["Message", "Registered", "Updated", "Count reset", "Calibration", "Maintenance", "State changed"];
const ALARMS = { ok: ["good", "✓", "In order"], warning: ["warn", "⚠", "Warning"], alarm: ["bad", "✗", "Alarm"] };

/** The state of an asset in a word. */
export function assetState(state) {
  return STATES[state] ?? text(state);
}

/** Whether an asset is in order by the limits of its type, as the emulator tells. */
export function assetAlarm(alarm) {
  return badge(...(ALARMS[alarm] ?? ALARMS.ok));
}

/** A count against its limit: a bar, and the same in words. */
export function count(used, limit, name) {
  if (!limit) {
    return el("span", {}, text(used));
  }
  const percent = Math.round((used / limit) * 100);
  const meter = el("meter", { min: 0, max: limit, value: Math.min(used, limit), "aria-label": `${name}, percent of its limit` },
    `${percent} %`);
  return el("span", { class: "count" }, `${text(used)} of ${text(limit)} `,
    el("span", { class: "share" }, meter, el("span", { class: "kind" }, ` ${percent} %`)));
}

/** What the detail pane shows of the asset with this id. */
export async function assetDetail(id) {
  const found = await get(`assets/${segment(id)}`);
  const asset = object(found.asset);
  return {
    key: JSON.stringify(found),
    title: text(asset.serialNumber),
    draw: () => draw(asset, objects(found.children), objects(found.log)),
  };
}

function draw(asset, children, log) {
  const kind = object(asset.assetType);
  return [
    el("p", { class: "lead" }, assetAlarm(asset.alarm), badge("dim", "●", assetState(asset.state))),
    asset.alarm === "ok" ? null : el("p", { class: "notice" }, text(asset.message)),
    facts([
      ["Running count", count(asset.runningCount, kind.runningCountLimit, "Running count")],
      ["Total count", count(asset.totalCount, kind.totalCountLimit, "Total count")],
      ["Name", text(asset.assetName)],
      ["Type", text(kind.typeName)],
      ["Part number", [text(asset.partNumber), text(asset.revision)].filter(Boolean).join(" rev. ")],
      ["Location", text(asset.location)],
      ["Description", text(asset.description)],
      ["Part of", asset.parentAssetId ? link(asset.parentAssetId, asset.parentSerialNumber) : null],
      ["First seen (UTC)", time(asset.firstSeenDate)],
      ["Last seen (UTC)", time(asset.lastSeenDate)],
      ["Last calibration", time(asset.lastCalibrationDate)],
      ["Next calibration", time(asset.nextCalibrationDate)],
      ["Last maintenance", time(asset.lastMaintenanceDate)],
      ["Next maintenance", time(asset.nextMaintenanceDate)],
      ["Warning at", percent(kind.warningThreshold)],
      ["Alarm at", percent(kind.alarmThreshold)],
      ["Asset id", text(asset.assetId)],
    ]),
    section("Tags", rows("Tags", ["Key", "Value"], objects(asset.tags).map((tag) => [text(tag.key), text(tag.value)]))),
    section("Parts", rows("Parts", ["Serial number", "Name"],
      children.map((child) => [link(child.assetId, child.serialNumber), text(child.assetName)]))),
    section("Log, newest first", rows("Log", ["Time (UTC)", "Entry", "Property", "Value", "Comment"], log.map((entry) =>
      [time(entry.date), LOG_TYPES[entry.type] ?? text(entry.type), text(entry.property), text(entry.value), text(entry.comment)]))),
    raw(asset),
  ];
}

function rows(caption, headings, found) {
  return found.length ? table(caption, headings, found) : null;
}

function percent(value) {
  return text(value) && `${text(value)} % of a limit`;
}

function link(id, serial) {
  return el("a", { href: `#/assets/${segment(text(id))}` }, text(serial) || text(id));
}
