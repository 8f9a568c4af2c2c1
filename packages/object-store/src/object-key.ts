/**
 * What a key may be on every store, and the order of keys.
 *
 * It does not know what file systems dislike (file/file-path.ts).
 */

import { KEY_BYTES_MAX } from "./limits.ts";

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
const CONTROL = /[\0-\x1f\x7f\ufffe\uffff]/;
const LONE_SURROGATE = /\p{Surrogate}/u;

/** Throws TypeError or RangeError: a bad key is a mistake of the program. */
export function checkKey(key: string): void {
  if (typeof key !== "string") throw new TypeError("an object key must be a string");
  if (key === "") throw new RangeError("an object key must not be empty");
  checkKeyText(key);
  for (const segment of key.split("/")) {
    if (segment === "." || segment === "..") {
      throw new RangeError(`an object key must not have "${segment}" as a segment: ${key}`);
    }
  }
}

/** As a key, but it may be empty and may end in the middle of a segment. */
export function checkPrefix(prefix: string): void {
  if (typeof prefix !== "string") throw new TypeError("a key prefix must be a string");
  checkKeyText(prefix);
}

/** Ascending order of the UTF-8 bytes, which is what stores list by; `<` on strings is not. */
export function compareKeys(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let index = 0; index < length; index += 1) {
    const unitA = a.charCodeAt(index);
    const unitB = b.charCodeAt(index);
    if (unitA === unitB) continue;
    // Code points above U+FFFF are surrogates in UTF-16, below U+E000, but the largest in UTF-8.
    const surrogateA = unitA >= 0xd800 && unitA <= 0xdfff;
    const surrogateB = unitB >= 0xd800 && unitB <= 0xdfff;
    if (surrogateA !== surrogateB) return surrogateA ? 1 : -1;
    return unitA - unitB;
  }
  return a.length - b.length;
}

function checkKeyText(text: string): void {
  // XML, in which S3 and Azure list keys, has no way to write them.
  if (CONTROL.test(text)) throw new RangeError("an object key must not hold control characters");
  if (LONE_SURROGATE.test(text)) throw new RangeError("an object key must be well-formed Unicode");
  const sizeBytes = utf8Size(text);
  if (sizeBytes > KEY_BYTES_MAX) {
    throw new RangeError(`an object key of ${sizeBytes} bytes is longer than ${KEY_BYTES_MAX}`);
  }
}

function utf8Size(text: string): number {
  let size = text.length;
  for (let index = 0; index < text.length; index += 1) {
    const unit = text.charCodeAt(index);
    if (unit < 0x80) continue;
    // A surrogate pair is four bytes in two units: one more for each of them.
    size += unit < 0x800 || (unit >= 0xd800 && unit <= 0xdfff) ? 1 : 2;
  }
  return size;
}
