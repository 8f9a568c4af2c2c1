/**
 * The snapshot by bare parallel ranges, decoded and verified, page after page.
 */

import { Decoder } from "@headwater/ltx";
import type { Job } from "../job.ts";
import { Wire } from "./wire.ts";

/** `use` gets each page for as long as the call takes. */
export async function readOverWire(
  job: Job,
  use: (pgno: number, page: Uint8Array) => void,
): Promise<void> {
  const wire = new Wire(job);
  const decoder = new Decoder({ reusePage: true });
  for await (const part of wire.parts()) {
    decoder.push(part);
    for (let page = decoder.next(); page !== undefined; page = decoder.next()) {
      use(page.pgno, page.page);
    }
  }
  decoder.finish();
  wire.close();
}
