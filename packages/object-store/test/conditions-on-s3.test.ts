/** Whether an S3 server that breaks its word is found out, through the real adapter. */

import { checkConditions, conditionsProblem } from "@headwater/object-store";
import { openS3Store } from "@headwater/object-store/s3";
import { type Pretence, startPretendingS3 } from "@headwater/servers";
import { describe, expect, it, onTestFinished } from "vitest";

async function storeOn(pretence: Pretence) {
  const server = await startPretendingS3(pretence);
  onTestFinished(server.stop);
  const { bucket, endpoint, region, accessKeyId, secretAccessKey } = server;
  const credentials = { accessKeyId, secretAccessKey };
  const store = await openS3Store({ bucket, endpoint, region, credentials });
  onTestFinished(() => store.close());
  return store;
}

const NOTHING = {
  conditionalCreate: undefined,
  conditionalUpdate: undefined,
  conditionalDelete: undefined,
  streamedConditions: undefined,
};

const FOUND = {
  nothing: NOTHING,
  "ignores all conditions": {
    conditionalCreate: expect.stringContaining("overwrites"),
    conditionalUpdate: expect.stringContaining("overwrites"),
    conditionalDelete: expect.stringContaining("deletes"),
    streamedConditions: expect.stringContaining("create-only upload"),
  },
  "ignores If-Match": {
    conditionalCreate: undefined,
    conditionalUpdate: expect.stringContaining("overwrites"),
    conditionalDelete: expect.stringContaining("deletes"),
    streamedConditions: expect.stringContaining("another version by an upload"),
  },
  "ignores conditions on deletes": {
    ...NOTHING,
    conditionalDelete: expect.stringContaining("deletes"),
  },
  "keeps conditions but for races": {
    ...NOTHING,
    conditionalCreate: expect.stringMatching(/lets \d of 8 racing create-only puts win/),
    conditionalUpdate: expect.stringMatching(/lets \d of 8 racing compare-and-swaps win/),
    streamedConditions: expect.stringMatching(/lets \d of 8 racing create-only uploads win/),
  },
} as const satisfies Record<Pretence, object>;

describe("an S3 server that pretends", () => {
  it.each(Object.keys(FOUND) as Pretence[])("%s: is seen for what it is", async (pretence) => {
    const store = await storeOn(pretence);
    expect(await checkConditions(store, { prefix: "db/" })).toEqual(FOUND[pretence]);
    const left: string[] = [];
    for await (const { key } of store.list("")) left.push(key);
    expect(left).toEqual([]);
  });

  it("is asked again each time, and a good one only once", async () => {
    const kinds = ["conditionalCreate"] as const;
    const bad = await storeOn("ignores all conditions");
    for (let time = 0; time < 2; time += 1) {
      expect(await conditionsProblem(bad, { prefix: "", kinds })).toContain("overwrites");
    }
    const good = await storeOn("nothing");
    expect(await conditionsProblem(good, { prefix: "", kinds })).toBeUndefined();
    await good.close();
    // It is closed, so a question would be an error.
    expect(await conditionsProblem(good, { prefix: "", kinds })).toBeUndefined();
    const other = conditionsProblem(good, { prefix: "", kinds: ["conditionalDelete"] });
    await expect(other).rejects.toMatchObject({ code: "STORE_CLOSED" });
  });
});
