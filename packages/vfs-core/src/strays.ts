/**
 * Files of level 0 that may be no part of the history. Pure.
 *
 * An upload that was under way for very long may arrive when its transaction is somebody else's,
 * has gone to the levels above, and retention has made its name free again. Retention goes from the
 * oldest file on, so such a file has a gap behind it, and a level above has its transaction.
 *
 * Always true: what is left leads to the same latest state, since wherever a stray could go on, the
 * file above goes on too, and as far. Nothing is left out that a restore was promised to: retention
 * leaves no gap among files that are young.
 */

import { Holders } from "./compact/holders.ts";
import type { FilesByLevel } from "./restore-plan.ts";

/** The same levels without them; the very same when there is no gap in level 0. */
export function withoutStrays(levels: FilesByLevel): FilesByLevel {
  const [level0 = [], ...above] = levels;
  let first = Math.max(0, level0.length - 1);
  while (first > 0 && level0[first - 1]!.maxTxid + 1n >= level0[first]!.minTxid) first -= 1;
  if (first === 0) return levels;
  const holders = above.map((files) => new Holders(files));
  const kept = level0.filter(
    ({ minTxid, maxTxid }, index) =>
      index >= first ||
      holders.every((files) => {
        const whole = files.findFirst(maxTxid, (other) => other.minTxid <= minTxid);
        return whole === undefined;
      }),
  );
  return [kept, ...above];
}
