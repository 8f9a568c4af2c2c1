import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";

/** A new folder that goes when the test file has ended. */
export function tempDir(): string {
  const folder = mkdtempSync(join(tmpdir(), "headwater-cli-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
