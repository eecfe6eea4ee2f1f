/** What the page asks of the emulator. */

const LONGEST_WAIT_MS = 5000;

/** The emulator answered, with an error. */
export class Refused extends Error {}

/** The emulator did not answer, not in time, or with half a text. */
export class Lost extends Error {}

/**
 * The JSON at a path below /_emulator/.
 * @throws {Refused} It answered with an error, and says why.
 * @throws {Lost} It did not answer.
 */
export async function get(path, query = {}) {
  const given = Object.entries(query).filter(([, value]) => value !== null && value !== undefined && value !== "");
  const search = given.length ? `?${new URLSearchParams(given)}` : "";
  let answer;
  let value;
  try {
    answer = await fetch(`/_emulator/${path}${search}`, { signal: AbortSignal.timeout(LONGEST_WAIT_MS) });
    value = await answer.json();
  } catch (error) {
    throw new Lost(error.message, { cause: error });
  }
  if (!answer.ok) {
    throw new Refused(value.Message ?? `Status ${answer.status}`);
  }
  return value;
}

/** A segment of a path. */
export function segment(text) {
  return encodeURIComponent(text);
}
