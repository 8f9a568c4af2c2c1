/**
 * What the bucket holds in truth, read without requests and without the engine.
 */

import { decodeLtx, parseFileName, restoreDatabase } from "@headwater/ltx";
import { type LtxFile, planRestore, type ReplicaLayout } from "@headwater/vfs-core";
import { PAGE_SIZE } from "../history/bank.ts";
import type { SimServer } from "./sim-server.ts";

const LEVELS = 10;

export function listFiles({ bucket }: SimServer, layout: ReplicaLayout): LtxFile[][] {
  return Array.from({ length: LEVELS }, (_, level) => {
    const prefix = layout.levelPrefix(level);
    return bucket
      .sortedKeys()
      .filter((key) => key.startsWith(prefix))
      .flatMap((key) => {
        const range = parseFileName(key.slice(prefix.length));
        const object = bucket.find(key);
        if (range === undefined || object === undefined) return [];
        const createdAtMs = object.timestampMs ?? object.lastModifiedMs;
        return [{ level, ...range, key, size: object.body.byteLength, createdAtMs }];
      });
  });
}

export interface Restored {
  readonly txid: bigint;
  readonly pages: readonly Uint8Array[];
}

/** The newest database, page by page. */
export function readReplica(server: SimServer, layout: ReplicaLayout): Restored {
  const plan = planRestore(listFiles(server, layout), { type: "latest" });
  const pages: Uint8Array[] = [];
  for (const file of plan.files) {
    const ltx = decodeLtx(server.bucket.find(file.key)!.body);
    pages.length = Math.min(pages.length, ltx.header.commit);
    while (pages.length < ltx.header.commit) pages.push(new Uint8Array(PAGE_SIZE));
    for (const { pgno } of ltx.index) pages[pgno - 1] = ltx.page(pgno)!.slice();
  }
  return { txid: plan.txid, pages };
}

/** The database file as of a transaction, as `litestream restore` makes it. */
export async function restoreReplica(
  server: SimServer,
  layout: ReplicaLayout,
  txid: bigint,
): Promise<readonly Uint8Array[]> {
  const plan = planRestore(listFiles(server, layout), { type: "txid", txid });
  if (plan.txid !== txid) throw new Error(`the plan for ${txid} ends at ${plan.txid}`);
  const bodies = plan.files.map(({ key }) => server.bucket.find(key)!.body);
  const { bytes } = await restoreDatabase(bodies).bytes();
  const pages: Uint8Array[] = [];
  for (let offset = 0; offset < bytes.byteLength; offset += PAGE_SIZE) {
    pages.push(bytes.subarray(offset, offset + PAGE_SIZE));
  }
  return pages;
}
