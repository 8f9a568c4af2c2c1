/**
 * The message of an opening, and of the conflict that it has found.
 */

import { redactUrl } from "@headwater/object-store";
import { HeadwaterError } from "../errors.ts";
import type { ReadSettings, WriteSettings } from "../options.ts";
import { type MountStatus, summarizeError } from "../status.ts";

interface Opened {
  status(): MountStatus;
}

export async function seeOpening<Mount extends Opened>(
  { seeing, mode, url: given }: ReadSettings | WriteSettings,
  open: () => Promise<Mount>,
): Promise<Mount> {
  const measure = seeing.measure("open");
  const url = redactUrl(given);
  try {
    const mount = await open();
    if (seeing.wants("open")) {
      const { txid, pageCount } = mount.status();
      seeing.tell("open", { ...measure(), mode, url, txid, pageCount });
    }
    return mount;
  } catch (error) {
    const summary = summarizeError(error);
    const none = { txid: undefined, pageCount: undefined };
    seeing.tell("open", { ...measure(), mode, url, ...none, error: summary });
    if (HeadwaterError.is(error, "FENCED", "JOURNAL_CONFLICT")) {
      seeing.tell("conflict", { when: "open", reason: error.message, error: summary });
    }
    throw error;
  }
}
