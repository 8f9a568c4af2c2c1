import { expect } from "vitest";
import type { LocalDevice, OpenedReplica, PageSnapshot, Past } from "../../src/index.ts";
import type { WriterDevice } from "../../src/testing/index.ts";
import { range, type World } from "./world.ts";

export const START_MS = Date.UTC(2026, 0, 1);
const APART_MS = 1000;

/** When a transaction of these tests was made. */
export function timeOf(txid: number): number {
  return START_MS + txid * APART_MS;
}

/** So many transactions of pages that change, come and go. */
export async function writeHistory(world: World, count: number): Promise<void> {
  for (let index = 0; index < count; index += 1) {
    const txid = world.txid + 1;
    const pageCount = 6 + ((txid * 7) % 5);
    const pages = txid === 1 ? range(1, pageCount) : [1, 2 + (txid % 5)];
    const before = world.pageCountAt(txid - 1);
    const grown = pageCount > before ? range(before + 1, pageCount) : [];
    await world.write({
      pages: new Set([...pages, ...grown]),
      pageCount,
      timestampMs: timeOf(txid),
    });
  }
}

export function snapshotOf(past: Past): PageSnapshot {
  return (past.device as LocalDevice).snapshot();
}

/** Whether a past is exactly the database of that transaction. */
export async function expectPast(past: Past, world: World, txid: number): Promise<void> {
  expect(past.txid).toBe(BigInt(txid));
  using snapshot = snapshotOf(past);
  await expectPages(snapshot, world, txid);
}

export async function expectPages(
  snapshot: Pick<PageSnapshot, "pageCount" | "readPage">,
  world: World,
  txid: number,
): Promise<void> {
  expect(snapshot.pageCount).toBe(world.pageCountAt(txid));
  for (const pgno of range(1, snapshot.pageCount)) {
    expect(await snapshot.readPage(pgno), `page ${pgno}`).toEqual(world.pageAt(txid, pgno));
  }
}

export function pastNames({ mount }: Pick<OpenedReplica, "mount">): string[] {
  return mount.status().pasts.map(({ name }) => name);
}

/** Of a mount that can write. */
export function writerSnapshotOf(past: Past): ReturnType<WriterDevice["snapshot"]> {
  return (past.device as WriterDevice).snapshot();
}
