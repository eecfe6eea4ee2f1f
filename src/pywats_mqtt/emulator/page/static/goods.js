/** Units and packages: what production and software distribution keep. */

import { get, segment } from "./api.js";
import { objectView, raw } from "./objects.js";
import { object, text } from "./words.js";

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
