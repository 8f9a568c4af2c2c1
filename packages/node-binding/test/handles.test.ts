/** What handles are of, and what is left of openings that were given up. */

import { describe, expect, it, onTestFinished } from "vitest";
import { type MountOptions, mount } from "../src/index.ts";
import { openWriter } from "./support/mounts.ts";
import { tempDir } from "./support/temp-dir.ts";

const BUSY_MS = 500;

function writing(name: string): MountOptions {
  return { url: `file://${tempDir()}/${name}`, name, mode: "write", journalDir: tempDir() };
}

/** The engine is done meanwhile, and this thread does not hear of it. */
function beBusy(): void {
  const endMs = performance.now() + BUSY_MS;
  while (performance.now() < endMs);
}

async function turn(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

describe("an opening that is given up when the engine is done with it", () => {
  it("leaves no mount behind", async () => {
    await openWriter({ url: `file://${tempDir()}/engine` });
    const options = writing("given-up.db");
    const giveUp = new AbortController();
    const opening = mount({ ...options, signal: giveUp.signal });
    await turn();
    beBusy();
    giveUp.abort(new Error("given up"));
    await expect(opening).rejects.toThrow("given up");
    const again = async () => {
      const handle = await mount(options);
      await handle.close();
    };
    // With its name, its journal and its lease.
    await expect.poll(() => again().catch((error: unknown) => error)).toBe(undefined);
  });

  it("leaves no past behind", async () => {
    const writer = await openWriter({ url: `file://${tempDir()}/app.db` });
    writer.database.exec("create table item(text)");
    const txid = await writer.flush();
    const giveUp = new AbortController();
    const opening = writer.at(txid, { signal: giveUp.signal });
    await turn();
    beBusy();
    giveUp.abort(new Error("given up"));
    await expect(opening).rejects.toThrow("given up");
    await expect.poll(async () => (await writer.status()).pasts).toEqual([]);
  });
});

describe("a handle that was closed", () => {
  it("is not one of the mount that has its name now", async () => {
    const [first, second] = [writing("same.db"), writing("same.db")];
    const before = await mount(first);
    await before.close();
    const after = await mount(second);
    onTestFinished(() => after.close());
    for (const call of [before.status(), before.demote(), before.flush(), before.at(1n)]) {
      await expect(call).rejects.toMatchObject({ code: "CLOSED" });
    }
    expect((await after.status()).mode).toBe("write");
  });
});
