import { expect } from "vitest";
import { type OpenedReplica, type OpenReplicaOptions, openReplica } from "../../src/index.ts";
import { range, type World } from "./world.ts";

/** Polls only when told to: `mount.flush()`. */
export function openWorld(
  world: World,
  options: Partial<OpenReplicaOptions> = {},
): Promise<OpenedReplica> {
  const { store, path, url } = world;
  return openReplica({ store, path, url, pollIntervalMs: 0, cacheBytes: 4_000_000, ...options });
}

/** Every page, as a reader that starts now sees it. */
export async function readAll(replica: OpenedReplica): Promise<(Uint8Array | undefined)[]> {
  using snapshot = replica.snapshot();
  return Promise.all(range(1, snapshot.pageCount).map((pgno) => snapshot.readPage(pgno)));
}

/** Whether a reader that starts now sees exactly the database of that transaction. */
export async function expectState(
  replica: OpenedReplica,
  world: World,
  txid: number,
): Promise<void> {
  using snapshot = replica.snapshot();
  expect(snapshot.txid).toBe(BigInt(txid));
  expect(snapshot.pageCount).toBe(world.pageCountAt(txid));
  for (const pgno of range(1, snapshot.pageCount)) {
    expect(await snapshot.readPage(pgno), `page ${pgno}`).toEqual(world.pageAt(txid, pgno));
  }
}
