/**
 * The digits after the seconds of a time, as milliseconds. A part of one counts as a whole one:
 * transactions are dated in whole ones, so those made before the moment are made before this, and
 * no others are.
 */
export function fractionMs(digits: string): number {
  const ms = Number(`${digits}000`.slice(0, 3));
  return /[1-9]/.test(digits.slice(3)) ? ms + 1 : ms;
}
