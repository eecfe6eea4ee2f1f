/** The tabs: what each list shows of a row, and what shows one thing in full. */

import { get } from "./api.js";
import { assetAlarm, assetDetail, assetState, count } from "./asset.js";
import { packageDetail, packageStatus, unitDetail } from "./goods.js";
import { object, size, status, text, time, badge, word } from "./words.js";
import { reportDetail } from "./report.js";
import { answer, requestDetail } from "./request.js";

const PAGE = 100;

/** A list that the emulator pages through. */
function paged(name, order) {
  return {
    page: PAGE,
    load: (find, before) => get(`lists/${name}`, { find, before, limit: PAGE }),
    order,
  };
}

/**
 * Each view: its title, `load(find, before)`, `order` (what pages end before; none for a list without pages), `key`
 * of a row, columns as [heading, cell, kind], what an empty list says, and `detail(key, shownKey)` where there is one.
 * A column of kind "wide" is left out on a narrow screen.
 */
export const VIEWS = {
  assets: {
    title: "Assets",
    ...paged("assets", (row) => row.number),
    key: (row) => row.assetId,
    columns: [
      ["Serial number", (row) => text(row.serialNumber)],
      ["Type", (row) => text(object(row.assetType).typeName), "wide"],
      ["Status", (row) => assetAlarm(row.alarm)],
      ["Running", (row) => count(row.runningCount, object(row.assetType).runningCountLimit, "Running count")],
      ["Total", (row) => text(row.totalCount), "wide"],
      ["State", (row) => assetState(row.state), "wide"],
    ],
    empty: "No assets. PUT /api/Asset makes one.",
    detail: assetDetail,
  },
  reports: {
    title: "Reports",
    ...paged("reports", (row) => row.number),
    key: (row) => row.id,
    columns: [
      ["Serial number", (row) => text(row.sn)],
      ["Part number", (row) => text(row.pn), "wide"],
      ["Result", (row) => [status(row.result), row.quarantined ? [" ", badge("warn", "⚠", "Quarantined")] : null]],
      ["Operation", (row) => text(row.processName), "wide"],
      ["Station", (row) => text(row.machineName), "wide"],
      ["Start (UTC)", (row) => time(row.start)],
    ],
    empty: "No reports. POST /api/Report/WSJF stores one.",
    detail: reportDetail,
  },
  units: {
    title: "Units",
    ...paged("units", (row) => row.number),
    key: (row) => row.number,
    columns: [
      ["Serial number", (row) => text(row.serialNumber)],
      ["Part number", (row) => text(row.partNumber)],
      ["Phase", (row) => text(row.unitPhase)],
      ["Location", (row) => text(row.currentLocation), "wide"],
      ["Batch", (row) => text(row.batchNumber), "wide"],
    ],
    empty: "No units. PUT /api/Production/Units makes them.",
    detail: unitDetail,
  },
  packages: {
    title: "Packages",
    ...paged("packages", (row) => row.number),
    key: (row) => row.packageId,
    columns: [
      ["Name", (row) => text(row.name)],
      ["Version", (row) => text(row.version)],
      ["Status", (row) => packageStatus(row.status)],
      ["Description", (row) => text(row.description), "wide"],
    ],
    empty: "No packages. POST /api/Software/Package makes one.",
    detail: packageDetail,
  },
  requests: {
    title: "Requests",
    ...paged("requests", (row) => row.seq),
    key: (row) => row.seq,
    columns: [
      ["No.", (row) => text(row.seq)],
      ["Method", (row) => text(row.method)],
      ["Path", (row) => text(row.path)],
      ["Answer", (row) => answer(row.status)],
      ["Fault", (row) => word(row.fault), "wide"],
      ["Body", (row) => word(size(row.bytes)), "wide"],
      ["Time (UTC)", (row) => time(row.at), "wide"],
    ],
    empty: "No requests yet. What asks for / or /_emulator is not logged.",
    detail: requestDetail,
  },
  faults: {
    title: "Faults",
    load: async (find) => {
      const found = (await get("faults")).map((fault, index) => ({ ...fault, index }));
      const words = find.toLowerCase().split(/\s+/);
      return found.filter((fault) => words.every((word) => JSON.stringify(fault).toLowerCase().includes(word)));
    },
    key: (row) => row.index,
    columns: [
      ["Kind", (row) => word(row.kind)],
      ["Requests", (row) => `${text(row.method) || "all"} ${text(row.path)}`],
      ["State", (row) => (row.over ? badge("dim", "–", "over") : badge("warn", "⚡", "in force"))],
      ["Hits", (row) => text(row.hits)],
      ["Options", faultOptions, "wide"],
    ],
    empty: "No faults: the emulator behaves. POST /_emulator/faults makes one.",
  },
};

const IN_COLUMNS = new Set(["kind", "method", "path", "over", "hits", "index"]);

function faultOptions(fault) {
  return Object.entries(fault)
    .filter(([key, value]) => !IN_COLUMNS.has(key) && value !== null)
    .map(([key, value]) => `${key} ${text(value)}`)
    .join(", ");
}
