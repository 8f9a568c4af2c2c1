/**
 * The next files of level 0, asked for by their names: all that most polls do.
 *
 * As long as there are some, as many more are asked for at once as there were so far. So a burst
 * costs few round trips, and a single transaction one request in vain.
 */

import { nextTxid, type Txid, toTxid } from "@headwater/ltx";
import { ObjectStoreError } from "@headwater/object-store";
import { FOLLOW_FILES_MAX, WHOLE_FILE_BYTES } from "../limits.ts";
import { explainDamage, type LoadedFile, loadFile, openBody } from "../load-file.ts";
import type { LtxFile } from "../ltx-file.ts";
import { callStore, type Replica } from "../replica.ts";
import type { RequestQueue } from "./request-queue.ts";

export interface NextFilesOptions {
  readonly queue: RequestQueue;
  readonly signal: AbortSignal;
}

export interface NextFiles {
  /** Each begins where the one before ends. */
  readonly loaded: readonly LoadedFile[];
  /** Why there are no more, other than that there is none. */
  readonly failure: unknown;
}

/** Up to FOLLOW_FILES_MAX of those after the transaction; zero is the one before the first. */
export async function loadNextFiles(
  replica: Replica,
  afterTxid: bigint,
  options: NextFilesOptions,
): Promise<NextFiles> {
  const loaded: LoadedFile[] = [];
  let txid = afterTxid;
  while (loaded.length < FOLLOW_FILES_MAX) {
    const count = Math.max(1, Math.min(loaded.length, FOLLOW_FILES_MAX - loaded.length));
    const answers: Promise<LoadedFile | undefined>[] = [];
    for (; answers.length < count; ) {
      const next = txid === 0n ? toTxid(1n) : nextTxid(toTxid(txid));
      answers.push(loadByName(replica, next, options));
      txid = next;
    }
    for (const answer of await Promise.allSettled(answers)) {
      if (answer.status === "rejected") return { loaded, failure: answer.reason };
      if (answer.value === undefined) return { loaded, failure: undefined };
      loaded.push(answer.value);
    }
  }
  return { loaded, failure: undefined };
}

async function loadByName(
  replica: Replica,
  txid: Txid,
  { queue, signal }: NextFilesOptions,
): Promise<LoadedFile | undefined> {
  const key = replica.layout.fileKey(0, txid, txid);
  const range = { offset: 0, length: WHOLE_FILE_BYTES };
  const found = await callStore(replica, () =>
    queue
      .run({ priority: "foreground" }, () => replica.store.get(key, { range, signal }))
      .catch((error: unknown) => {
        if (ObjectStoreError.is(error, "OBJECT_NOT_FOUND", "RANGE_UNSATISFIABLE")) return undefined;
        throw error;
      }),
  );
  if (found === undefined) return undefined;
  const { meta, body } = found;
  const createdAtMs = meta.timestampMs ?? meta.lastModifiedMs;
  const { size, version } = meta;
  const file: LtxFile = {
    level: 0,
    minTxid: txid,
    maxTxid: txid,
    key,
    size,
    createdAtMs,
    version,
  };
  if (size > body.byteLength) {
    return callStore(replica, () => loadFile(replica, file, { queue, signal, start: body }));
  }
  try {
    return openBody(file, body);
  } catch (error) {
    throw explainDamage(replica, file, error);
  }
}
