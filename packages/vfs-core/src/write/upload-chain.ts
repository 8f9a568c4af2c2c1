/**
 * What each upload says of the one before it; see node-id.ts.
 *
 * Always true: the store is asked only where nobody knows, which is before the first upload of a
 * writer.
 */

import type { Lease } from "@headwater/lease";
import type { Replica } from "../replica.ts";
import { makeNodeId } from "./node-id.ts";
import { readFileChecksum } from "./put-upload.ts";

interface Link {
  readonly txid: bigint;
  readonly fileChecksum: bigint | undefined;
}

export class UploadChain {
  readonly #replica: Replica;
  readonly #lease: Lease | undefined;
  #newest: Link = { txid: 0n, fileChecksum: undefined };

  constructor(replica: Replica, lease: Lease | undefined) {
    this.#replica = replica;
    this.#lease = lease;
  }

  /** For the upload after this transaction, which is the newest in the bucket. */
  async nodeIdAfter(txid: bigint, signal?: AbortSignal): Promise<bigint> {
    if (this.#newest.txid !== txid) {
      const fileChecksum = await readFileChecksum(this.#replica, txid, signal);
      this.#newest = { txid, fileChecksum };
    }
    const generation = this.#lease?.generation ?? 0n;
    return makeNodeId({ generation, previousChecksum: this.#newest.fileChecksum });
  }

  /** The newest in the bucket from now on. */
  add({ txid, fileChecksum }: Link): void {
    this.#newest = { txid, fileChecksum };
  }
}
