/** Units and packages: what production and software distribution keep. */

import { get, segment } from "./api.js";
import { objectView, raw } from "./objects.js";
import { badge, object, text } from "./words.js";

const STATUSES = { Draft: ["dim", "✎"], Pending: ["warn", "…"], Released: ["good", "✓"], Revoked: ["bad", "✗"] };

/** Where a package is in its life. */
export function packageStatus(status) {
  return badge(...(Object.hasOwn(STATUSES, status) ? STATUSES[status] : ["dim", "?"]), text(status));
}

/** What the detail pane shows of a unit. */
export async function unitDetail(number) {
  return inFull(await get(`units/${segment(number)}`), (unit) => `${text(unit.partNumber)} ${text(unit.serialNumber)}`);
}

/** What the detail pane shows of a software package. */
export async function packageDetail(id) {
  return inFull(await get(`packages/${segment(id)}`), (found) => `${text(found.name)} version ${text(found.version)}`);
}

function inFull(value, title) {
  const found = object(value);
  return { key: JSON.stringify(found), title: title(found), draw: () => [objectView(found), raw(found)] };
}
