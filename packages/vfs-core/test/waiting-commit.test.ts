import { expect, it } from "vitest";
import { COMMIT_RETRY_MS_MAX } from "../src/limits.ts";
import { WaitingCommit } from "../src/write/waiting-commit.ts";

/** When its tries begin, if each fails after so long. */
function triesOf(timeoutMs: number, tryMs: number): { startsMs: number[]; endMs: number } {
  const commit = new WaitingCommit(1, 0, timeoutMs);
  commit.outcome.catch(() => {});
  const startsMs: number[] = [];
  let startedMs = Number.NEGATIVE_INFINITY;
  for (let nowMs = 0; nowMs < commit.settleDeadlineMs; ) {
    startedMs = nowMs;
    startsMs.push(startedMs);
    commit.tryCount += 1;
    nowMs = Math.max(nowMs + tryMs, startedMs + commit.pauseMs(startedMs));
  }
  return { startsMs, endMs: commit.settleDeadlineMs };
}

it("looks once more right before its end, however long the pauses are by then", () => {
  for (const timeoutMs of [100, 1_000, 3_333, 30_000, 31_234]) {
    const { startsMs, endMs } = triesOf(timeoutMs, 1);
    expect(startsMs.at(-1)).toBeGreaterThanOrEqual(endMs - Math.min(250, timeoutMs / 8));
    for (const [index, startMs] of startsMs.entries()) {
      if (index === 0) continue;
      const pauseMs = startMs - startsMs[index - 1]!;
      expect(pauseMs).toBeGreaterThan(0);
      expect(pauseMs).toBeLessThanOrEqual(COMMIT_RETRY_MS_MAX);
    }
  }
});

it("does not look again and again when its end is near", () => {
  for (const timeoutMs of [100, 1_000, 30_000]) {
    const { startsMs, endMs } = triesOf(timeoutMs, 1);
    const late = startsMs.filter((startMs) => startMs >= endMs - Math.min(250, timeoutMs / 8));
    expect(late.length).toBeLessThan(5);
  }
});
