import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from "vitest";
import { lastLines, runCommand } from "../src/command.mjs";
import { missingThing } from "../src/missing-thing.mjs";
import { ProblemError } from "../src/problem.mjs";
import { requiredStage } from "../src/progress.mjs";
import { closingLines, readResults } from "../src/results.mjs";

describe("the end of a test run", () => {
  const results = { passed: 3, failed: 0, skipped: 0, failures: [], notRun: [] };

  it("closes with the counts alone on a line", () => {
    expect(closingLines(results, []).at(-1)).toBe("3 passed, 0 failed");
    expect(closingLines({ ...results, skipped: 2 }, []).at(-1)).toBe(
      "3 passed, 0 failed, 2 skipped",
    );
  });

  it("names before them what did not run, and what failed beside the tests", () => {
    const notRun = [{ name: "S3 on Ceph", reason: "Ceph is not installed" }];
    expect(closingLines({ ...results, notRun }, ["style"])).toEqual([
      "",
      "not run: S3 on Ceph (Ceph is not installed)",
      "FAILED: style",
      "3 passed, 0 failed",
    ]);
  });

  it("tells what failed with its errors, so that the end of a log is enough", () => {
    const failures = [{ name: "a.test.ts > b", errors: ["Error: why\n    at here"] }];
    expect(closingLines({ ...results, failures }, ["tests"])).toEqual([
      "",
      "failed: a.test.ts > b",
      "  Error: why",
      "      at here",
      "FAILED: tests",
      "3 passed, 0 failed",
    ]);
  });

  describe("results file", () => {
    let folder = "";
    beforeEach(() => {
      folder = mkdtempSync(join(tmpdir(), "headwater-run-"));
    });
    afterEach(() => rmSync(folder, { recursive: true }));

    it("is one failure when Vitest ended before it wrote any", () => {
      expect(readResults(join(folder, "results.json"))).toMatchObject({ passed: 0, failed: 1 });
    });

    it("is read when it is there", () => {
      const file = join(folder, "results.json");
      writeFileSync(file, JSON.stringify(results));
      expect(readResults(file)).toEqual(results);
    });
  });
});

describe("a command", () => {
  it("gives its exit code and what it printed on both streams", async () => {
    const script = "echo out; echo err >&2; exit 3";
    const { exitCode, output } = await runCommand("sh", ["-c", script]);
    expect(exitCode).toBe(3);
    expect(output).toContain("out");
    expect(output).toContain("err");
  });

  it("counts as failed when a signal ended it, or when it could not start", async () => {
    expect((await runCommand("sh", ["-c", "kill -9 $$"])).exitCode).toBe(137);
    expect((await runCommand("no-such-command", [])).exitCode).toBe(127);
  });

  it("runs on the pinned Node.js", async () => {
    const { output } = await runCommand("node", ["-p", "process.version"]);
    expect(output.trim()).toBe(process.version);
  });

  it("shows the end of a long output, and says how much is left out", () => {
    const lines = Array.from({ length: 100 }, (_, index) => `line ${index}`);
    const shown = lastLines(lines.join("\n")).split("\n");
    expect(shown[0]).toBe("(20 lines before this)");
    expect(shown.at(-1)).toBe("line 99");
  });
});

describe("what a machine lacks", () => {
  it.each([
    ["npm error FetchError: reason: connect ECONNREFUSED 127.0.0.1:9", "npm registry cannot be re"],
    [
      "ERR_PNPM_META_FETCH_FAIL  GET x: getaddrinfo EAI_AGAIN registry",
      "npm registry cannot be re",
    ],
    ["npm error code SELF_SIGNED_CERT_IN_CHAIN", "certificate is not trusted"],
    ["Error: ENOSPC: no space left on device, write", "disk is full"],
    ["vfs.c:3:10: fatal error: stdio.h: No such file or directory", "libc6-dev"],
    ["file.c:9:10: fatal error: 'sys/mman.h' file not found", "libc6-dev"],
  ])("is told from %j", (printed, words) => {
    expect(missingThing(printed)).toContain(words);
    expect(missingThing(printed)).toMatch(/^The .+\.$/);
  });

  it("is not guessed", () => {
    expect(missingThing("vfs.c:3:10: error: expected ';'")).toBeUndefined();
    expect(missingThing("fatal error: headwater.h: No such file or directory")).toBeUndefined();
  });

  it("is the last word of a stage that fails", async () => {
    vi.spyOn(console, "log").mockImplementation(() => undefined);
    onTestFinished(() => void vi.restoreAllMocks());
    const stage = requiredStage("fetch", "sh", ["-c", "echo connect ETIMEDOUT; exit 4"]);
    await expect(stage).rejects.toThrow(ProblemError);
    await expect(stage).rejects.toMatchObject({
      message: expect.stringMatching(/^The npm registry cannot be reached/),
      exitCode: 4,
    });
    await expect(requiredStage("fail", "sh", ["-c", "exit 5"])).rejects.toThrow('"fail" failed');
  });
});
