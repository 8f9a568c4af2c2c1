import { describe, expect, it } from "vitest";
import { continuesFile, makeNodeId } from "../src/write/node-id.ts";
import { decideRecovery, type RecoveryFacts } from "../src/write/recovery.ts";

/** Where the journal stood, what it was about to upload, where the bucket stands, what is there. */
interface Case {
  readonly name: string;
  readonly synced?: readonly [txid: bigint, seq: number];
  readonly intent?: readonly [txid: bigint, seq: number];
  readonly bucket: bigint;
  readonly found?: "ours" | "foreign";
  /** Of which file the one after it says that it is the next. */
  readonly next?: "ours" | "foreign" | "unlinked";
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
    next: "ours",
    expected: [6n, 60, false],
  },
  {
    name: "ours came to a name that was free again, and another writer has long gone on",
    synced: [5n, 50],
    intent: [6n, 60],
    bucket: 9n,
    found: "ours",
    next: "foreign",
    expected: [5n, 50, false],
  },
  {
    name: "ours is there, and the next file says of no file that it is the one before",
    synced: [5n, 50],
    intent: [6n, 60],
    bucket: 9n,
    found: "ours",
    next: "unlinked",
    expected: [5n, 50, false],
  },
  {
    name: "ours is there, and the next file is gone",
    synced: [5n, 50],
    intent: [6n, 60],
    bucket: 9n,
    found: "ours",
    expected: [5n, 50, false],
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

const CHECKSUMS = { ours: 77n << 32n, foreign: 78n << 32n, unlinked: undefined };

/** Two uploads for one transaction, of which the second may have landed. */
function sent([txid, seq]: readonly [bigint, number]) {
  return [
    { txid, seq: seq - 1, fileChecksum: 76n << 32n },
    { txid, seq, fileChecksum: CHECKSUMS.ours },
  ];
}

describe("decideRecovery", () => {
  for (const { name, synced, intent, bucket, found, next, expected } of CASES) {
    it(name, async () => {
      const asked: bigint[] = [];
      const facts: RecoveryFacts = {
        synced: synced && { txid: synced[0], seq: synced[1] },
        intents: intent === undefined ? [] : sent(intent),
        bucketTxid: bucket,
        checksumOf: async (txid) => {
          asked.push(txid);
          return found && CHECKSUMS[found];
        },
        nodeIdOf: async (txid) => {
          expect(txid).toBe(intent![0] + 1n);
          if (next === undefined) return undefined;
          return makeNodeId({ generation: 3n, previousChecksum: CHECKSUMS[next] });
        },
      };
      const [txid, seq, mayContinue] = expected;
      expect(await decideRecovery(facts)).toMatchObject({ txid, seq, mayContinue });
      if (found !== undefined) expect(asked).toEqual([intent![0]]);
    });
  }
});

describe("a node id", () => {
  it("names a generation and the file before it, and neither moves the other", () => {
    const previousChecksum = 0x8123_4567_89ab_cdefn;
    const nodeId = makeNodeId({ generation: 5n, previousChecksum });
    expect(nodeId).toBe(0x8123_4567_0000_0005n);
    expect(makeNodeId({ generation: 2n ** 40n + 6n, previousChecksum })).toBe(nodeId + 1n);
    expect(continuesFile(nodeId, previousChecksum)).toBe(true);
    expect(continuesFile(nodeId, previousChecksum + (1n << 32n))).toBe(false);
  });

  it("of Litestream, or without a file before it, continues none", () => {
    expect(makeNodeId({ generation: 5n, previousChecksum: undefined })).toBe(5n);
    expect(continuesFile(0n, 7n)).toBe(false);
    expect(continuesFile(5n, 5n)).toBe(false);
  });
});
