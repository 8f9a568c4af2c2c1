/** What a lease needs of a real S3 server, beyond the contract. */

import { HeadObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { type ObjectStore, prefixed } from "@headwater/object-store";
import { openS3Store } from "@headwater/object-store/s3";
import { useServer } from "@headwater/servers/testing";
import { afterAll, describe, expect, it } from "vitest";
import { acquireLease, type Clock, decodeRecord, LeaseError, systemClock } from "../src/index.ts";
import { LitestreamLeaser, LitestreamRefusal } from "./litestream-leaser.ts";

const part = "lease: hand-over, clocks and Litestream on Ceph";
const answer = await useServer("ceph", part);
const KEY = "lock.json";

describe.skipIf(!answer.available)(part, () => {
  const connection = answer.available ? answer.connection : undefined;
  const { accessKeyId = "", secretAccessKey = "", endpoint = "", region = "" } = connection ?? {};
  const bucket = connection?.bucket ?? "";
  const credentials = { accessKeyId, secretAccessKey };
  const opened: ObjectStore[] = [];
  let folders = 0;

  /** Stores of their own over one folder that is empty. */
  async function participants(count: number): Promise<[string, ...ObjectStore[]]> {
    folders += 1;
    const prefix = `lease-on-ceph-${process.pid}/${folders}/`;
    const stores: ObjectStore[] = [];
    for (let index = 0; index < count; index += 1) {
      const store = await openS3Store({ bucket, credentials, endpoint, region });
      opened.push(store);
      stores.push(prefixed(store, prefix));
    }
    return [prefix, ...stores];
  }

  afterAll(async () => {
    for (const store of opened) await store.close();
  });

  it("is handed over with all that was written, without waiting for the TTL", async () => {
    const [, first, second] = await participants(2);
    // Of an hour: who had to wait for it would not be done in time.
    const options = { key: KEY, ttlMs: 3_600_000, wait: true, pollMs: 50 };
    let last = await acquireLease({ ...options, store: first!, owner: "0" });
    for (let turn = 1; turn <= 6; turn += 1) {
      const [mine, theirs] = turn % 2 === 0 ? [second!, first!] : [first!, second!];
      const waiting = acquireLease({ ...options, store: theirs, owner: `${turn}` });
      const body = new TextEncoder().encode(`${last.generation}`);
      const condition = { type: "if-absent" } as const;
      const { serverDateMs } = await mine.put(`work/${turn}`, body, { condition });
      await last.check({ serverDateMs });
      await last.release();
      const next = await waiting;
      expect(next.generation).toBe(last.generation + 1n);
      const keys: string[] = [];
      for await (const { key } of theirs.list("work/")) keys.push(key);
      expect(keys).toHaveLength(turn);
      expect(last.lost.aborted).toBe(false);
      last = next;
    }
    await last.release();
  });

  it("is judged by the store's clock, though ours are a day apart", async () => {
    const [, first, second] = await participants(2);
    const behind = shifted(-86_400_000);
    const ahead = shifted(86_400_000);
    const options = { key: KEY, ttlMs: 6_000 };
    const lease = await acquireLease({ ...options, store: first!, owner: "a", clock: behind });
    const refused = acquireLease({ ...options, store: second!, owner: "b", clock: ahead });
    const error = await refused.catch((reason: unknown) => reason);
    expect(LeaseError.is(error, "LEASE_HELD")).toBe(true);
    const { expiresInMs = 0 } = (error as LeaseError).holder ?? {};
    expect(expiresInMs).toBeGreaterThan(0);
    expect(expiresInMs).toBeLessThanOrEqual(6_000);
    const { body, meta } = await second!.get(KEY);
    const record = decodeRecord(body);
    // What Litestream and people read is by the store's clock too: of the minute, not of the day.
    expect(record).toMatchObject({ generation: 1n, owner: "a" });
    await lease.check();
    await lease.release();
    expect(Math.abs(meta.lastModifiedMs - systemClock.nowMs())).toBeLessThan(3_600_000);
  });

  it("is JSON that no cache keeps, under Litestream's name", async () => {
    const [prefix, store] = await participants(1);
    const lease = await acquireLease({ store: store!, key: KEY, owner: "a", ttlMs: 6_000 });
    const client = new S3Client({ credentials, endpoint, region, forcePathStyle: true });
    const head = await client.send(
      new HeadObjectCommand({ Bucket: bucket, Key: `${prefix}lock.json` }),
    );
    client.destroy();
    expect(head).toMatchObject({ ContentType: "application/json", CacheControl: "no-cache" });
    await lease.release();
  });

  it("is shared with Litestream: neither takes what the other holds", async () => {
    const [, ours, theirs] = await participants(2);
    const litestream = new LitestreamLeaser({
      store: theirs!,
      key: KEY,
      ttlMs: 30_000,
      owner: "litestream:1",
      nowMs: systemClock.nowMs,
    });
    const options = { store: ours!, key: KEY, owner: "a", ttlMs: 30_000 };
    const lease = await acquireLease(options);
    await expect(litestream.acquire()).rejects.toThrow(LitestreamRefusal);
    await lease.release();
    let held = await litestream.acquire();
    expect(held.generation).toBe(2);
    held = await litestream.renew(held);
    await expect(acquireLease(options)).rejects.toMatchObject({ code: "LEASE_HELD" });
    await litestream.release(held);
    const again = await acquireLease({ ...options, generationMin: 3n });
    expect(again.generation).toBe(3n);
    await expect(litestream.renew(held)).rejects.toThrow(LitestreamRefusal);
    await again.release();
  });
});

function shifted(byMs: number): Clock {
  return { ...systemClock, nowMs: () => systemClock.nowMs() + byMs };
}
