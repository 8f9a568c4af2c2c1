/**
 * Commits, reads and uploads on threads of their own, in a program without SQLite and Node, so that
 * the compiler's sanitizers can watch them.
 */

import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { deviceSources, NATIVE, problemWith, runProgram } from "../support/sanitized-program.ts";
import { tempDir } from "../support/temp-dir.ts";

const STRESS = join(import.meta.dirname, "journal_stress.c");
const COMMITS = 1500;
const TRIES = 4;
const TIMEOUT_MS = 180_000;

function stress(native: string, sanitizer: string) {
  const sources = [...deviceSources(native), STRESS];
  return runProgram({ sources, include: native, sanitizer }, [tempDir(), String(COMMITS)]);
}

/** The first run that ends badly, if one does: on a busy machine threads seldom meet. */
function stressBroken(native: string, sanitizer: string) {
  for (let attempt = 1; ; attempt += 1) {
    const outcome = stress(native, sanitizer);
    if (outcome.status !== 0 || attempt === TRIES) return outcome;
  }
}

/** The native half with one piece of one file replaced. */
function broken(file: string, piece: string, by: string): string {
  const folder = tempDir();
  cpSync(NATIVE, folder, { recursive: true });
  const text = readFileSync(join(folder, file), "utf8");
  expect(text.split(piece)).toHaveLength(2);
  writeFileSync(join(folder, file), text.replace(piece, by));
  return folder;
}

describe.each(["thread", "address,undefined"])("the journal, -fsanitize=%s", (sanitizer) => {
  it(
    "shows each reader and each upload exactly the commits that it is for",
    ({ skip }) => {
      const problem = problemWith(sanitizer);
      skip(problem !== undefined, problem);
      const { status, output } = stress(NATIVE, sanitizer);
      const counts = /^\d+ commits, [1-9]\d* remote, [1-9]\d* refused, [1-9]\d* rollbacks, .*\n$/;
      expect(output).toMatch(counts);
      expect(status).toBe(0);
    },
    TIMEOUT_MS,
  );
});

describe("that program", () => {
  it(
    "sees an index that readers may find before what it points to",
    ({ skip }) => {
      const problem = problemWith("thread");
      skip(problem !== undefined, problem);
      const piece = "p->nEntry, memory_order_release)";
      const native = broken("segment.c", piece, "p->nEntry, memory_order_relaxed)");
      expect(stressBroken(native, "thread").output).toContain("data race");
    },
    TIMEOUT_MS,
  );

  it(
    "sees a commit that was refused and is still there",
    ({ skip }) => {
      const problem = problemWith("address");
      skip(problem !== undefined, problem);
      const piece = "hwSegmentWithdraw(pActive, p->aPage[i-1].pgno, seq)";
      const { status, output } = stressBroken(broken("commit.c", piece, "(void)seq"), "address");
      expect(output).toMatch(/page \d+ at \d+, found \d+/);
      expect(status).toBe(1);
    },
    TIMEOUT_MS,
  );

  it(
    "sees changes that are told from a version which is being overwritten",
    ({ skip }) => {
      const problem = problemWith("address");
      skip(problem !== undefined, problem);
      const native = broken("delta.c", "*ppData = pSlot->pData;", "");
      const { status, output } = stressBroken(native, "address");
      // A page is wrong, or a buffer is used by two: whichever shows first.
      expect(output).toMatch(/page \d+ at \d+, found \d+|AddressSanitizer/);
      expect(status).not.toBe(0);
    },
    TIMEOUT_MS,
  );
});
