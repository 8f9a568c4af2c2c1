import { describe, expect, it } from "vitest";
import { decideRecovery, type RecoveryFacts } from "../src/write/recovery.ts";

/** Where the journal stood, what it was about to upload, where the bucket stands, what is there. */
interface Case {
  readonly name: string;
  readonly synced?: readonly [txid: bigint, seq: number];
  readonly intent?: readonly [txid: bigint, seq: number];
  readonly bucket: bigint;
  readonly found?: "ours" | "foreign";
  readonly expected: readonly [txid: bigint, seq: number, mayContinue: boolean];
}

const CASES: readonly Case[] = [
  { name: "a folder that was never used", bucket: 7n, expected: [7n, 0, false] },
  { name: "nothing was tried", synced: [5n, 50], bucket: 5n, expected: [5n, 50, true] },
  {
    name: "an upload was begun and did not land",
    synced: [5n, 50],
    intent: [6n, 60],
    bucket: 5n,
    expected: [5n, 50, true],
  },
  {
    name: "our upload landed and was not written down",
    synced: [5n, 50],
    intent: [6n, 60],
    bucket: 6n,
    found: "ours",
    expected: [6n, 60, true],
  },
  {
    name: "another upload landed in the place of ours",
    synced: [5n, 50],
    intent: [6n, 60],
    bucket: 6n,
    found: "foreign",
    expected: [5n, 50, false],
  },
  {
    name: "ours landed, and another writer went on from it",
    synced: [5n, 50],
    intent: [6n, 60],
    bucket: 9n,
    found: "ours",
    expected: [6n, 60, false],
  },
  {
    name: "ours may have landed, but was compacted away since",
    synced: [5n, 50],
    intent: [6n, 60],
    bucket: 9n,
    expected: [5n, 50, false],
  },
  {
    name: "the intent is of the upload before",
    synced: [6n, 60],
    intent: [6n, 60],
    bucket: 6n,
    expected: [6n, 60, true],
  },
  {
    name: "the bucket was put back",
    synced: [6n, 60],
    intent: [7n, 70],
    bucket: 2n,
    expected: [6n, 60, false],
  },
  { name: "the bucket is empty now", synced: [6n, 60], bucket: 0n, expected: [6n, 60, false] },
  {
    name: "the first upload of a new database landed",
    synced: [0n, 0],
    intent: [1n, 3],
    bucket: 1n,
    found: "ours",
    expected: [1n, 3, true],
  },
];

/** Two uploads for one transaction, of which the second may have landed. */
function sent([txid, seq]: readonly [bigint, number]) {
  return [
    { txid, seq: seq - 1, fileChecksum: 76n },
    { txid, seq, fileChecksum: 77n },
  ];
}

describe("decideRecovery", () => {
  for (const { name, synced, intent, bucket, found, expected } of CASES) {
    it(name, async () => {
      const asked: bigint[] = [];
      const facts: RecoveryFacts = {
        synced: synced && { txid: synced[0], seq: synced[1] },
        intents: intent === undefined ? [] : sent(intent),
        bucketTxid: bucket,
        checksumOf: async (txid) => {
          asked.push(txid);
          if (found === undefined) return undefined;
          return found === "ours" ? 77n : 78n;
        },
      };
      const [txid, seq, mayContinue] = expected;
      expect(await decideRecovery(facts)).toMatchObject({ txid, seq, mayContinue });
      if (found !== undefined) expect(asked).toEqual([intent![0]]);
    });
  }
});
