import { execFileSync, spawnSync } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { tempDir } from "../support/temp-dir.ts";

const PROGRAM = fileURLToPath(new URL("../support/ending-engine.ts", import.meta.url));
const EXEC_ARGV = ["--conditions=@headwater/source", "--no-warnings"];

describe("an engine's thread that is terminated right before it calls native code", () => {
  it.each(["takeRequests", "journalCollect"])("does no harm in %s()", (operation) => {
    const folder = tempDir();
    execFileSync("mkfifo", [join(folder, "gate")]);
    const args = [...EXEC_ARGV, PROGRAM, operation, folder];
    const { status, signal, stderr } = spawnSync(process.execPath, args, { encoding: "utf8" });
    expect({ status, signal, stderr }).toEqual({ status: 0, signal: null, stderr: "" });
  });
});
