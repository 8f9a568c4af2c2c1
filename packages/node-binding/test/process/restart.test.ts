/**
 * A process that writes is killed, and the next one goes on in its folder; see
 * docs/decisions/0020-restart.md.
 */

import { cpSync, existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { openStore } from "@headwater/object-store";
import type { MountStatus } from "@headwater/vfs-core";
import { openOfflineReplica, restoreReplica } from "@headwater/vfs-core/offline";
import { describe, expect, it } from "vitest";
import { fileLocks } from "../../src/offline/index.ts";
import { DrivenProcess } from "../support/driven-process.ts";
import { within } from "../support/eventually.ts";
import { openWriter } from "../support/mounts.ts";
import { fileStore, type Place, s3Store, type TestStore } from "../support/stores.ts";
import { tempDir } from "../support/temp-dir.ts";

const part = "the next process after a kill";
const STORES: readonly TestStore[] = [fileStore, await s3Store("ceph", part)];

/** Whoever has a lease of this after another one has not waited for it. */
const LEASE = { ttlMs: 3_600_000 };
const HELD = { code: "LEASE_HELD" };
const NEVER_MS = 600_000;

const CREATE = "create table item(id integer primary key, body)";
const ADD = "insert into item(body) values ('x')";
const COUNT = "select count(*) from item";

/** Twelve megabytes that do not compress. */
const ROWS = 3000;
const BYTES = ROWS * 4000;
const FILL = `
  with recursive n(i) as (select 1 union all select i + 1 from n where i < ${ROWS})
  insert into item(body) select randomblob(3900) from n`;
/** So slow that the first write comes long before the end of hydration. */
const SLOW = 4_000_000;

const program = (): DrivenProcess => new DrivenProcess("./headwater-child.ts");

async function startWriter({ options }: Place, journalDir: string, more: object = {}) {
  const child = program();
  const settings = { ...options, mode: "write", journalDir, lease: LEASE, ...more };
  const name = (await child.call("mount", { syncIntervalMs: NEVER_MS, ...settings })) as string;
  const call = (operation: string, ...args: readonly unknown[]) =>
    within(operation, child.call(operation, name, ...args), 60_000);
  const status = async () => (await call("status")) as Omit<MountStatus, "txid">;
  const count = async () => ((await call("query", COUNT)) as number[][])[0]?.[0];
  return { child, call, status, count };
}

/** What a restore of the bucket is, byte by byte. */
async function restored({ options }: Place): Promise<Buffer> {
  const path = join(tempDir(), "restored.db");
  const { store, path: prefix } = await openStore(options.url, options.storeOptions);
  try {
    const offline = openOfflineReplica({ store, path: prefix, url: options.url });
    await restoreReplica(offline, { path, target: { type: "latest" }, locks: fileLocks });
    return readFileSync(path);
  } finally {
    await store.close();
  }
}

for (const store of STORES) {
  describe.skipIf(store.problem !== undefined)(`after a kill, ${store.name}`, () => {
    it("the next one has the lease before it expires, and every commit", async () => {
      const [place, journalDir] = [store.place(), tempDir()];
      const first = await startWriter(place, journalDir);
      await first.call("exec", `${CREATE}; ${ADD}`);
      await first.call("flush");
      await first.call("exec", ADD);
      await first.child.kill();
      const second = await startWriter(place, journalDir);
      expect((await second.status()).sync?.leaseGeneration).toBe(2);
      expect(await second.count()).toBe(2);
      await second.call("exec", ADD);
      await second.child.kill();
      const third = await startWriter(place, journalDir);
      expect((await third.status()).sync?.leaseGeneration).toBe(3);
      expect(await third.count()).toBe(3);
      await third.call("close");
      expect(existsSync(join(journalDir, "lease.json"))).toBe(false);
    });

    it("one in another folder waits, be it a copy; so does one that finds it alive", async () => {
      const [place, journalDir, copy] = [store.place(), tempDir(), join(tempDir(), "copy")];
      const first = await startWriter(place, journalDir);
      await first.call("exec", `${CREATE}; ${ADD}`);
      await first.call("flush");
      cpSync(journalDir, copy, { recursive: true });
      const options = { ...place.options, lease: LEASE };
      await expect(openWriter({ ...options, journalDir: copy })).rejects.toMatchObject(HELD);
      await expect(openWriter({ ...options, journalDir })).rejects.toMatchObject({
        code: "JOURNAL_LOCKED",
      });
      process.kill(first.child.pid, "SIGSTOP");
      await expect(openWriter({ ...options, journalDir })).rejects.toMatchObject({
        code: "JOURNAL_LOCKED",
      });
      process.kill(first.child.pid, "SIGCONT");
      await first.call("exec", ADD);
      await first.call("flush");
      await first.child.kill();
      await expect(openWriter({ ...options, journalDir: copy })).rejects.toMatchObject(HELD);
    });

    it("the first write needs no copy of the database, which is whole in the end", async () => {
      const [place, journalDir, path] = [store.place(), tempDir(), join(tempDir(), "image.db")];
      const first = await startWriter(place, journalDir, { hydrate: { path } });
      await first.call("exec", `${CREATE}; ${FILL}`);
      await first.call("flush");
      await first.call("exec", ADD);
      await first.call("hydrated");
      await first.child.kill();
      // Nothing but the journal is left.
      rmSync(path);
      const hydrate = { path, bytesPerSecondMax: SLOW };
      const second = await startWriter(place, journalDir, { hydrate, mustExist: true });
      await second.call("exec", ADD);
      const { hydration, requests, sync } = await second.status();
      expect(sync).toMatchObject({ leaseGeneration: 2, pendingCount: 1 });
      expect(hydration?.done).toBe(false);
      expect(requests.get?.bytesRead).toBeLessThan(BYTES / 4);
      expect(await second.count()).toBe(ROWS + 2);
      await second.call("flush");
      await second.call("hydrated");
      expect(await second.call("integrity")).toBe("ok");
      await second.call("close");
      expect(Buffer.compare(readFileSync(path), await restored(place))).toBe(0);
    });
  });
}
