/**
 * Pages of a listing, put into the order of their keys.
 *
 * Azure lists flat accounts in that order, but promises nothing, and accounts with a hierarchical
 * namespace have another; so do servers of S3's API that keep objects in folders. So each page is
 * looked at. While they come in order, they are given out
 * at once; from the first that does not, the rest is collected and sorted. What would have had to
 * come before something that was given out ends the listing: it is never out of order.
 */

import { LIST_SORT_KEYS_MAX } from "./limits.ts";
import { compareKeys } from "./object-key.ts";
import type { ObjectMeta } from "./object-store.ts";

export async function* inKeyOrder(
  pages: AsyncIterable<readonly ObjectMeta[]>,
  refuse: (problem: string) => Error,
): AsyncIterable<ObjectMeta> {
  let last = "";
  const rest: ObjectMeta[] = [];
  for await (const page of pages) {
    if (rest.length === 0 && isInOrder(page, last)) {
      last = page.at(-1)?.key ?? last;
      yield* page;
      continue;
    }
    for (const meta of page) rest.push(meta);
    if (rest.length > LIST_SORT_KEYS_MAX) {
      throw refuse(`more than ${LIST_SORT_KEYS_MAX} keys to be sorted`);
    }
  }
  rest.sort((a, b) => compareKeys(a.key, b.key));
  if (!isInOrder(rest, last)) throw refuse("the store lists keys in no order that can be mended");
  yield* rest;
}

/** Every key comes after the one before, the first after `last`. No key comes before "". */
function isInOrder(metas: readonly ObjectMeta[], last: string): boolean {
  let previous = last;
  for (const { key } of metas) {
    if (compareKeys(previous, key) >= 0) return false;
    previous = key;
  }
  return true;
}
