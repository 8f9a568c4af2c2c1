import { describe, expect, it } from "vitest";
import { native } from "../../src/native.ts";
import { REQUEST_KIND } from "../../src/protocol.ts";
import { bareMount } from "../support/bare-mount.ts";
import { tempDir } from "../support/temp-dir.ts";

/** The mounts whose commits the engine is told of, in the order in which it is. */
function takeNotices(): number[] {
  const mounts: number[] = [];
  for (;;) {
    const batch = native.takeRequests();
    if (batch.length === 0) return mounts;
    for (let at = 0; at < batch.length; at += 5) {
      if (batch[at] === REQUEST_KIND.HW_NOTICE_COMMIT) mounts.push(batch[at + 1]!);
    }
  }
}

describe("notices of commits", () => {
  it("reach an engine that is busy from every mount, once", () => {
    const folder = tempDir();
    // More than the engine takes at once.
    const mounts = Array.from({ length: 300 }, () => bareMount(folder));
    const connections = mounts.map((mount) => mount.open());
    for (const database of connections) database.exec("create table item(text)");
    takeNotices();
    // This thread is the engine's, so nothing is taken meanwhile.
    for (let round = 0; round < 2; round += 1) {
      for (const { id } of mounts) native.journalArmNotice(id);
      for (const database of connections) database.exec("insert into item values ('x')");
    }
    const ids = mounts.map(({ id }) => id);
    expect(takeNotices().toSorted((a, b) => a - b)).toEqual(ids);
    expect(takeNotices()).toEqual([]);
    for (const mount of mounts) mount.close();
  });

  it("go with the mount", () => {
    const folder = tempDir();
    const [first, second, third] = [bareMount(folder), bareMount(folder), bareMount(folder)];
    for (const mount of [first, second, third]) {
      native.journalArmNotice(mount.id);
      mount.open().exec("create table item(text)");
    }
    second.close();
    expect(takeNotices().toSorted((a, b) => a - b)).toEqual([first.id, third.id]);
    first.close();
    third.close();
    expect(takeNotices()).toEqual([]);
  });
});
