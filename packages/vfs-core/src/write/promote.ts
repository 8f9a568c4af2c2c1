/**
 * Makes a writer of a reader, under the connections that are open.
 *
 * Always true:
 *   - Until the one step that cannot fail, the mount is a reader: what fails gives back what was
 *     taken, and following goes on. It goes on while the lease is waited for, too.
 *   - The new writer stands where the bucket stands, under the lease, and whoever went silent with
 *     a lease can put nothing behind its back.
 *   - A journal with commits that the bucket lacks is not touched. Its commits count from another
 *     beginning than this mount does, so only an opening can upload them.
 */

import type { Lease } from "@headwater/lease";
import { untilAborted } from "@headwater/object-store";
import type { JournalFolder } from "../disk/journal-folder.ts";
import { HeadwaterError } from "../errors.ts";
import { FENCE_TRIES } from "../limits.ts";
import type { MountParts } from "../mount-parts.ts";
import type { LeaseChoice } from "../options.ts";
import type { Reader } from "../read/reader.ts";
import { callStore, forPurpose, replicaError } from "../replica.ts";
import { putFence } from "./put-fence.ts";
import { readFileChecksum, readNodeId } from "./put-upload.ts";
import { decideRecovery } from "./recovery.ts";
import { giveUp, openJournalFolder, requireConditions } from "./write-claim.ts";
import { explainLease, takeLease } from "./write-lease.ts";
import { Writer } from "./writer.ts";

export interface PromotionOptions {
  readonly signal: AbortSignal;
  readonly waitMs: number | undefined;
}

export async function promote(
  parts: MountParts,
  reader: Reader,
  { signal, waitMs }: PromotionOptions,
): Promise<Writer> {
  const { settings, base, factory, service } = parts;
  const { lease: choice = {}, random } = settings;
  let folder: JournalFolder | undefined;
  let lease: Lease | undefined;
  try {
    folder = await openJournalFolder(settings, base, factory);
    await requireConditions(settings, base, signal);
    const waiting = withWait(choice, waitMs);
    const { trail } = folder;
    lease = await takeLease(base.replica, base.once, waiting, { random, signal, trail });
    await untilAborted(reader.pause(), signal);
    await reader.catchUp(signal);
    const mayArrive = await emptyFolder(parts, folder);
    const mustFence = lease?.predecessor === "expired" || mayArrive;
    if (mustFence) await fenceOffOthers(parts, reader, { folder, lease, signal });
    const pageOne = await readPageOne(parts, signal);
    const { txid } = service.state.versions.newest.map;
    await folder.writeSynced({ txid, seq: parts.device.state().seq });
    signal.throwIfAborted();
    if (lease?.state.type === "lost") throw lease.state.error;
    return begin(parts, { folder, lease, pageOne });
  } catch (error) {
    await giveUp({ lease, folder });
    reader.resume();
    throw explainLease(base.replica, error);
  }
}

function withWait(choice: LeaseChoice, waitMs: number | undefined): LeaseChoice {
  if (choice === "off" || waitMs === undefined) return choice;
  return { ...choice, waitMs };
}

/**
 * Takes away the segments of an earlier run, all of whose commits the bucket has. True when an
 * upload of that run may still arrive.
 */
async function emptyFolder(
  { settings, base, device, service }: MountParts,
  folder: JournalFolder,
): Promise<boolean> {
  const { replica } = base;
  const { txid } = service.state.versions.newest.map;
  const decision = await decideRecovery({
    synced: folder.synced,
    intents: folder.intents,
    bucketTxid: txid,
    checksumOf: (of) => callStore(replica, () => readFileChecksum(replica, of)),
    nodeIdOf: (of) => callStore(replica, () => readNodeId(replica, of)),
  });
  let lastSeq = 0;
  for (const path of folder.segments) {
    try {
      lastSeq = Math.max(lastSeq, device.journal.inspect(path).lastSeq);
    } catch (error) {
      const sentence = `the journal segment ${path} cannot be used: ${(error as Error).message}`;
      throw new HeadwaterError("JOURNAL_INVALID", sentence, { cause: error });
    }
  }
  if (lastSeq > decision.seq) {
    const sentence =
      `the journal ${folder.path} holds ${lastSeq - decision.seq} commits that the bucket lacks; ` +
      `close "${settings.name}" and open it in write mode, which uploads them`;
    throw replicaError(replica, "JOURNAL_PENDING", sentence);
  }
  await folder.markTakenBack(Math.max(folder.synced?.seq ?? 0, lastSeq));
  // Commits are counted anew: those of a segment that came back would pass for later ones.
  await folder.removeForGood(folder.segments);
  await folder.writeSynced({ txid, seq: device.state().seq });
  return folder.intents.some((intent) => intent.txid > txid);
}

interface Claim {
  readonly folder: JournalFolder;
  readonly lease: Lease | undefined;
}

/** See put-fence.ts. The reader adopts what the bucket holds then, our own fence included. */
async function fenceOffOthers(
  parts: MountParts,
  reader: Reader,
  { folder, lease, signal }: Claim & { readonly signal: AbortSignal },
): Promise<void> {
  const { base, device, service } = parts;
  const replica = forPurpose(base.replica, "sync");
  for (let tries = 1; tries <= FENCE_TRIES; tries += 1) {
    const { txid, pageCount } = service.state.versions.newest.map;
    const pageOne = await readPageOne(parts, signal);
    // There is no page to state again, as in a database without tables.
    if (pageOne === undefined) return;
    const { seq } = device.state();
    const next = { txid: txid + 1n, seq, pageCount, pageOne };
    const result = await callStore(replica, () => putFence({ replica, folder, lease, ...next }));
    await reader.catchUp(signal);
    if (result === "landed") return;
  }
  throw replicaError(replica, "FENCED", "somebody else goes on writing without the lease");
}

/** As the bucket has it. Undefined when the database has no page. */
async function readPageOne(
  { base, device, service }: MountParts,
  signal: AbortSignal,
): Promise<Uint8Array | undefined> {
  const { seq, pageCount } = device.state();
  if (pageCount === 0) return undefined;
  return callStore(base.replica, () => service.reader.read(1, seq, signal));
}

/** In one turn of this thread, so that nothing comes in between. */
function begin(
  parts: MountParts,
  { folder, lease, pageOne }: Claim & { readonly pageOne: Uint8Array | undefined },
): Writer {
  const { device, service } = parts;
  const { seq } = device.state();
  const { txid } = service.state.versions.newest.map;
  if (!device.journal.rotate(folder.nextSegmentPath(), txid)) {
    throw new Error("a device without a journal refuses a new journal segment");
  }
  device.switchMode("write", pageOne);
  const writer = new Writer(parts, { lease, folder, syncedSeq: seq });
  writer.start();
  return writer;
}
