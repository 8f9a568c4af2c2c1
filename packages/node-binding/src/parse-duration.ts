/**
 * Durations as Go writes them, which is how Litestream's settings have them: "500ms", "1m30s".
 */

const UNIT_MS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  "\u00b5s": 1e-3,
  "\u03bcs": 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};
const PART = /(\d+\.?\d*|\.\d+)(ns|us|\u00b5s|\u03bcs|ms|s|m|h)/y;

/** Milliseconds; undefined for what is no duration. Zero needs no unit, all else does. */
export function parseDuration(text: string): number | undefined {
  const sign = text.startsWith("-") ? -1 : 1;
  const rest = text.replace(/^[+-]/, "");
  if (rest === "0") return 0;
  let ms = 0;
  let at = 0;
  while (at < rest.length) {
    PART.lastIndex = at;
    const match = PART.exec(rest);
    if (match === null) return undefined;
    const [part, count, unit = ""] = match;
    ms += Number(count) * UNIT_MS[unit]!;
    at += part.length;
  }
  return at === 0 ? undefined : sign * ms;
}
