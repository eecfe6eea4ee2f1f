/** Units and packages: what production and software distribution keep. */

import { get, segment } from "./api.js";
import { el, section, table } from "./dom.js";
import { inWords, objectView, raw } from "./objects.js";
import { badge, object, objects, size, text, time } from "./words.js";

const STATUSES = { Draft: ["dim", "✎"], Pending: ["warn", "…"], Released: ["good", "✓"], Revoked: ["bad", "✗"] };

/** Where a package is in its life. */
export function packageStatus(status) {
  return badge(...(Object.hasOwn(STATUSES, status) ? STATUSES[status] : ["dim", "?"]), text(status));
}

/** What the detail pane shows of a unit. */
export async function unitDetail(number) {
  const unit = object(await get(`units/${segment(number)}`));
  const history = objects(unit.history).map((entry) => [time(entry.date), inWords(text(entry.property)), text(entry.value)]);
  const parts = objects(unit.subUnits).map((part) =>
    [text(part.serialNumber), text(part.partNumber), text(part.revision), text(part.unitPhase)]);
  return {
    key: JSON.stringify(unit),
    title: `${text(unit.partNumber)} ${text(unit.serialNumber)}`,
    draw: () => [
      el("p", { class: "lead" }, badge("dim", "●", text(unit.unitPhase))),
      objectView(unit, ["serialNumber", "unitPhase", "subUnits", "history", "product", "productRevision"]),
      section("Sub-units", parts.length
        ? table("Sub-units", ["Serial number", "Part number", "Rev.", "Phase"], parts)
        : null),
      section("History, newest first", history.length ? table("History", ["Time (UTC)", "Property", "Value"], history) : null),
      section("Product", objectView(object(unit.product))),
      section("Product revision", objectView(object(unit.productRevision))),
      raw(unit),
    ],
  };
}

/** What the detail pane shows of a software package. */
export async function packageDetail(id) {
  const found = object(await get(`packages/${segment(id)}`));
  const files = objects(found.files).map((file) =>
    [text(file.name), text(file.packageFolderName), text(file.attributes), size(file.size_bytes), text(file.sha256)]);
  return {
    key: JSON.stringify(found),
    title: `${text(found.name)} version ${text(found.version)}`,
    draw: () => [
      el("p", { class: "lead" }, packageStatus(found.status)),
      objectView(found, ["name", "version", "status", "files"]),
      section("Files", files.length ? table("Files", ["Name", "Folder", "Attributes", "Size", "SHA-256"], files) : null),
      raw(found),
    ],
  };
}
