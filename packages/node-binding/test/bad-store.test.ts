/** Stores that say they keep conditions and do not: read from, and never written to. */

import { type Pretence, type RunningServer, startPretendingS3 } from "@headwater/servers";
import { describe, expect, it, onTestFinished } from "vitest";
import { scalar } from "./support/dump.ts";
import { openReader, openWriter } from "./support/mounts.ts";

async function start(pretence: Pretence): Promise<RunningServer> {
  const server = await startPretendingS3(pretence);
  onTestFinished(server.stop);
  return server;
}

function optionsFor({ bucket, endpoint, region, accessKeyId, secretAccessKey }: RunningServer) {
  const storeOptions = { endpoint, region, accessKeyId, secretAccessKey };
  return { url: `s3://${bucket}/some/app.db`, storeOptions };
}

/** As if the server had been good once. */
async function copyObjects(from: RunningServer, to: RunningServer): Promise<void> {
  const listed = await fetch(`${from.endpoint}/${from.bucket}?list-type=2`);
  for (const [, key = ""] of (await listed.text()).matchAll(/<Key>([^<]*)<\/Key>/g)) {
    const body = await (await fetch(`${from.endpoint}/${from.bucket}/${key}`)).arrayBuffer();
    await fetch(`${to.endpoint}/${to.bucket}/${key}`, { method: "PUT", body });
  }
}

describe("a store whose conditions do not hold", () => {
  it.each([
    ["ignores all conditions", "it overwrites an object"],
    ["ignores If-Match", "it overwrites an object"],
    ["keeps conditions but for races", "racing create-only puts win"],
  ] as const)("because it %s is refused for writing, with the reason", async (pretence, why) => {
    const good = await start("nothing");
    const first = await openWriter(optionsFor(good));
    first.database.exec("create table item(text); insert into item values ('here')");
    await first.close();
    const bad = await start(pretence);
    await copyObjects(good, bad);
    const refused = openWriter(optionsFor(bad));
    await expect(refused).rejects.toMatchObject({ code: "STORE_UNSUPPORTED" });
    await expect(refused).rejects.toThrow("cannot be written to safely, since it ");
    await expect(refused).rejects.toThrow(why);
    const { database } = await openReader(optionsFor(bad));
    expect(scalar(database, "select text from item")).toBe("here");
  });
});
