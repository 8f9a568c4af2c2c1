/**
 * An upload on its way, from its encoding until it is in the bucket.
 */

import type { Upload } from "./encode-upload.ts";

export type Attempt =
  | { readonly type: "none" }
  /** Nothing of it was put. */
  | { readonly type: "encoded"; readonly upload: Upload }
  /** It may be in the bucket, or arrive later. */
  | { readonly type: "sent"; readonly upload: Upload; readonly replacement?: Upload | undefined }
  | {
      readonly type: "landed";
      readonly upload: LandedUpload;
      readonly serverDateMs: number | undefined;
    };

/** What is needed of an upload once it is in the bucket. */
export type LandedUpload = Pick<Upload, "txid" | "seq" | "file" | "pageCount" | "index" | "page"> &
  Pick<Upload, "fileChecksum">;
