/** What handles are of. */

import { describe, expect, it, onTestFinished } from "vitest";
import { type MountOptions, mount } from "../src/index.ts";
import { tempDir } from "./support/temp-dir.ts";

function writing(name: string): MountOptions {
  return { url: `file://${tempDir()}/${name}`, name, mode: "write", journalDir: tempDir() };
}

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
