/**
 * Numbers as people read them.
 */

const BYTE_UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];

/** With three digits or so: "17 B", "1.50 MiB". */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  for (; value >= 1024 && unit < BYTE_UNITS.length - 1; unit += 1) value /= 1024;
  return `${unit === 0 ? value : value.toPrecision(value >= 1000 ? 4 : 3)} ${BYTE_UNITS[unit]}`;
}

/** In the largest unit that fits: "12 s", "5 min", "3 h", "12 days". */
export function formatDuration(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  if (seconds < 172_800) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86_400)} days`;
}

/** RFC 3339, in UTC. */
export function formatTime(ms: number): string {
  return new Date(ms).toISOString();
}

/** "1 file", "2 files". */
export function formatCount(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}

/** "5", or "1-5". */
export function formatRange(minTxid: bigint, maxTxid: bigint): string {
  return minTxid === maxTxid ? `${maxTxid}` : `${minTxid}-${maxTxid}`;
}
