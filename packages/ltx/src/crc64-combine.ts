/**
 * The CRC-64/GO-ISO of bytes that were hashed in parts, out of the CRCs of the parts: so a file can
 * be verified in any order, by several at a time, and in more than one sitting.
 *
 * Appending bytes multiplies the CRC of what is before them by a power of x, modulo the polynomial,
 * and adds the CRC of what was appended. Powers are put together from squares, so a length of any
 * size costs a few dozen multiplications. Reflected, as everywhere here: the low bit is the highest
 * power of x.
 */

const POLYNOMIAL = 0xd800_0000_0000_0000n;
const ONE = 1n << 63n;
const X = 1n << 62n;
/** x to the power of a byte is three squares away from x. */
const BYTE_SQUARES = 3;

/** x to the power of two to the power of the index; grows as it is asked for. */
const squares: bigint[] = [X];

/** `first` and `second` without the flag bit, as `Crc64.value()` gives them. */
export function combineCrc64(first: bigint, second: bigint, secondLength: number): bigint {
  if (!Number.isSafeInteger(secondLength) || secondLength < 0) {
    throw new RangeError(`not a length: ${secondLength}`);
  }
  return multiply(powerOfX(secondLength), first) ^ second;
}

/** x to the power of so many bytes. */
function powerOfX(length: number): bigint {
  let power = ONE;
  let square = BYTE_SQUARES;
  for (let rest = length; rest > 0; rest = Math.floor(rest / 2), square += 1) {
    if (rest % 2 === 1) power = multiply(squareOf(square), power);
  }
  return power;
}

function squareOf(index: number): bigint {
  while (squares.length <= index) {
    const last = squares.at(-1) as bigint;
    squares.push(multiply(last, last));
  }
  return squares[index] as bigint;
}

function multiply(a: bigint, b: bigint): bigint {
  let product = 0n;
  let shifted = b;
  for (let bit = ONE; bit > 0n; bit >>= 1n) {
    if ((a & bit) !== 0n) product ^= shifted;
    shifted = (shifted & 1n) === 1n ? (shifted >> 1n) ^ POLYNOMIAL : shifted >> 1n;
  }
  return product;
}
