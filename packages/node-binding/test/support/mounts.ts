/**
 * Databases that are closed when the test is over.
 */

import { onTestFinished } from "vitest";
import {
  HeadwaterError,
  type OpenDatabaseOptions,
  type OpenedDatabase,
  openDatabase,
} from "../../src/index.ts";
import { tempDir } from "./temp-dir.ts";

type Options = OpenDatabaseOptions;

async function open(options: Options): Promise<OpenedDatabase> {
  const opened = await openDatabase(options);
  onTestFinished(() =>
    opened.close().catch((error: unknown) => {
      // It was told before, or the test would not have ended well.
      if (!HeadwaterError.is(error, "FENCED")) throw error;
    }),
  );
  return opened;
}

/** Uploads only when asked, unless told otherwise; its journal goes with the test. */
export function openWriter(options: Options): Promise<OpenedDatabase> {
  return open({ journalDir: tempDir(), syncIntervalMs: 600_000, ...options, mode: "write" });
}

/** Polls only when asked, unless told otherwise. */
export function openReader(options: Options): Promise<OpenedDatabase> {
  return open({ pollIntervalMs: 0, ...options, mode: "read" });
}
