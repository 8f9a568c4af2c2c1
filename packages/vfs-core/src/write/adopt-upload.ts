/**
 * From now on readers of an upload's commits find its pages in the bucket.
 */

import type { MountState } from "../mount-state.ts";
import { PageMapBuilder } from "../page-map.ts";
import type { LandedUpload } from "./attempt.ts";

/** `syncedSeq`: the newest commit that the bucket had before. */
export function adoptUpload(state: MountState, upload: LandedUpload, syncedSeq: number): void {
  const { fromSeq, map: before } = state.versions.newest;
  const builder = new PageMapBuilder(before);
  builder.apply(upload.file, upload.pageCount, upload.index);
  const map = builder.build();
  if (upload.seq === syncedSeq) {
    // A fence: it has a transaction's name and nothing new in it.
    state.versions.replace(fromSeq, map);
  } else {
    state.adopt({
      seq: upload.seq,
      map,
      changed: map.changedSince(before),
      pageCountMin: builder.pageCountMin,
      page: upload.page,
    });
  }
  state.device.setTxid(upload.txid, upload.file.createdAtMs);
}
