/** How old what one sees may be, as SQL and as TypeScript tell it. */

import { describe, expect, it } from "vitest";
import type { OpenedDatabase } from "../src/index.ts";
import { scalar } from "./support/dump.ts";
import { eventually } from "./support/eventually.ts";
import { openReader, openWriter } from "./support/mounts.ts";
import { tempDir } from "./support/temp-dir.ts";

const CREATE = "create table item(text)";
const ADD = "insert into item values ('x')";

const lagOf = ({ database }: OpenedDatabase) => Number(scalar(database, "pragma headwater_lag"));

/** Looks at both at about the same time. */
async function agreedLag(opened: OpenedDatabase): Promise<number> {
  const first = Math.floor((await opened.status()).lagMs / 1000);
  const lag = lagOf(opened);
  const last = Math.ceil((await opened.status()).lagMs / 1000);
  expect(lag).toBeGreaterThanOrEqual(first);
  expect(lag).toBeLessThanOrEqual(last);
  return lag;
}

async function until(seconds: number, opened: OpenedDatabase): Promise<void> {
  await eventually("the lag", async () =>
    (await agreedLag(opened)) >= seconds ? true : undefined,
  );
}

describe("PRAGMA headwater_lag", () => {
  it("counts seconds since a reader has looked, and begins again when it looks", async () => {
    const url = `file://${tempDir()}/app.db`;
    const writer = await openWriter({ url });
    writer.database.exec(CREATE);
    await writer.flush();
    const reader = await openReader({ url });
    await until(2, reader);
    await reader.flush();
    expect(await agreedLag(reader)).toBeLessThan(2);
    expect((await reader.status()).follow?.lagMs).toBeDefined();
    const polling = await openReader({ url, name: "polling.db", pollIntervalMs: 20 });
    await until(2, reader);
    expect(await agreedLag(polling)).toBeLessThan(2);
  });

  it("is 0 for a writer, also one that was a reader, until it is fenced", async () => {
    const [url, journalDir] = [`file://${tempDir()}/app.db`, tempDir()];
    const first = await openWriter({ url });
    first.database.exec(CREATE);
    await first.close();
    const player = await openReader({ url, journalDir, lease: "off", syncIntervalMs: 600_000 });
    await until(1, player);
    await player.promote();
    const clock = await openReader({ url, name: "clock.db" });
    await until(1, clock);
    expect(await agreedLag(player)).toBe(0);
    await player.demote();
    await until(1, player);
    await player.promote();
    expect(await agreedLag(player)).toBe(0);
    const other = await openWriter({ url, lease: "off", name: "other.db" });
    other.database.exec(ADD);
    await other.flush();
    // A first commit goes out at once, so this one must come after the other's upload.
    player.database.exec(ADD);
    await expect(player.flush()).rejects.toMatchObject({ code: "FENCED" });
    await until(1, player);
    await expect(player.close()).rejects.toMatchObject({ code: "FENCED" });
  });
});

describe("status().follow", () => {
  it("tells how often a reader looks, by its options, and what that has cost", async () => {
    const url = `file://${tempDir()}/app.db`;
    const writer = await openWriter({ url });
    writer.database.exec(CREATE);
    await writer.flush();
    const follow = async (one: OpenedDatabase) => (await one.status()).follow!;
    const asked = await openReader({ url });
    const polling = { pollIntervalMs: 20, pollIntervalMsMax: 40 };
    const reader = await openReader({ url, name: "polling.db", ...polling });
    expect((await follow(asked)).pollPauseMs).toBeUndefined();
    const { pollPauseMs } = await follow(reader);
    expect(pollPauseMs).toBeLessThanOrEqual(40);
    // A tenth of the time for which nothing was written.
    await eventually("the longest pause", async () =>
      (await follow(reader)).pollPauseMs === 40 ? true : undefined,
    );
    const { requests, requestsLastHour } = await follow(reader);
    const calls = Object.values(requests).reduce((sum, count) => sum + (count?.calls ?? 0), 0);
    expect(calls).toBeGreaterThan(5);
    expect(requestsLastHour).toBe(calls);
    expect((await follow(asked)).requestsLastHour).toBe(0);
  });
});

describe("every PRAGMA of a mount", () => {
  it.each(["headwater", "litestream", "HeadWater", "LITESTREAM"])(
    "is known as %s_",
    async (prefix) => {
      const { database, flush } = await openWriter({ url: `file://${tempDir()}/app.db` });
      database.exec(CREATE);
      const ask = (name: string) => scalar(database, `pragma ${prefix}_${name}`);
      expect(ask("pending")).toBe("1");
      expect(Number(ask("journal_bytes"))).toBeGreaterThan(4096);
      expect(ask("sync")).toBe("0000000000000001");
      expect(ask("txid")).toBe("0000000000000001");
      expect(ask("lag")).toBe("0");
      expect(ask("durability")).toBe("eventual");
      expect(ask("sync_on_close")).toBe("1");
      expect(ask("why")).toBe("");
      expect(await flush()).toBe(1n);
      for (const name of ["txid", "lag", "pending", "journal_bytes"]) {
        expect(() => database.pragma(`${prefix}_${name} = 1`)).toThrow("is read-only");
      }
      expect(database.pragma(`${prefix}_nothing`)).toEqual([]);
      expect(database.pragma("headwatertxid")).toEqual([]);
    },
  );
});
