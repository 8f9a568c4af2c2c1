/**
 * When everybody has ended: whether the bucket is sound, a restore of it is what the writer says
 * that it left, and every local image is that restore, byte by byte.
 */

import { readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { fileLocks } from "@headwater/node-binding/offline";
import { openStore } from "@headwater/object-store";
import { openOfflineReplica, restoreReplica, verifyReplica } from "@headwater/vfs-core/offline";
import Database from "better-sqlite3";
import type { Place } from "../processes/run-processes.ts";
import { lookThoroughly, type Tally } from "./stock.ts";

export interface CompareImagesOptions {
  readonly place: Pick<Place, "url" | "storeOptions">;
  /** For the restore. */
  readonly folder: string;
  /** What the writer left; undefined when it did not come to its end. */
  readonly tally: Tally | undefined;
  readonly images: readonly string[];
}

export interface ImagesCompared {
  readonly problems: readonly string[];
  readonly count: number;
  readonly bytes: number;
}

export async function compareImages({
  place,
  folder,
  tally,
  images,
}: CompareImagesOptions): Promise<ImagesCompared> {
  const { url, storeOptions } = place;
  const problems: string[] = [];
  const { store, path } = await openStore(url, storeOptions);
  try {
    const offline = openOfflineReplica({ store, path, url });
    const { findings } = await verifyReplica(offline);
    for (const { isDamage, what } of findings) if (isDamage) problems.push(`the bucket: ${what}`);
    const restored = join(folder, "restored.db");
    await restoreReplica(offline, { path: restored, target: { type: "latest" }, locks: fileLocks });
    problems.push(...lookAt(restored, tally));
    const expected = await readFile(restored);
    for (const image of images) {
      const isSame = Buffer.compare(await readFile(image), expected) === 0;
      if (!isSame) problems.push(`${basename(image)} is not what a restore makes`);
    }
    return { problems, count: images.length, bytes: expected.byteLength };
  } finally {
    await store.close();
  }
}

function lookAt(path: string, tally: Tally | undefined): readonly string[] {
  const database = new Database(path, { readonly: true });
  try {
    const look = lookThoroughly(database);
    if (look.type === "unsound") return [`a restore: ${look.why}`];
    const [found, left] = [look.tally, tally].map((one) => JSON.stringify(one));
    return found === left ? [] : [`a restore has ${found}, and the writer left ${left}`];
  } finally {
    database.close();
  }
}
