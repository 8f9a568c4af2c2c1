/**
 * Every page that a snapshot has, and what they say together.
 */

import type { Found } from "../history/history.ts";
import type { World } from "../world.ts";

interface Snapshot {
  readonly pageCount: number;
  readPage(pgno: number): Promise<Uint8Array>;
}

export async function lookAll(world: World, snapshot: Snapshot): Promise<Found> {
  const pages: Uint8Array[] = [];
  for (let pgno = 1; pgno <= snapshot.pageCount; pgno += 1) {
    pages.push(await snapshot.readPage(pgno));
  }
  return world.identify(pages);
}
