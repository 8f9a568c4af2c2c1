/**
 * Values as JSON for scripts: numbers of 64 bits as numbers where JSON readers keep them exact, and
 * else as text; bytes in Base64; times as they are.
 */

export function toJson(value: unknown, indent = 2): string {
  return JSON.stringify(value, replace, indent);
}

function replace(_: string, value: unknown): unknown {
  if (typeof value === "bigint") {
    const number = Number(value);
    return Number.isSafeInteger(number) ? number : value.toString();
  }
  if (value instanceof Uint8Array) return { base64: Buffer.from(value).toString("base64") };
  return value;
}
