/** Real processes on one file store: stopped, continued and killed at random. */

import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { systemClock } from "../src/index.ts";

const DURATION_MS = 8_000;

let root = "";
let endMs = 0;
let children: ChildProcess[] = [];

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "headwater-lease-"));
  endMs = systemClock.monotonicMs() + DURATION_MS;
});

afterEach(() => {
  for (const child of children) child.kill("SIGKILL");
  children = [];
  rmSync(root, { recursive: true, force: true });
});

function start(name: string): ChildProcess {
  const script = join(import.meta.dirname, "contender.ts");
  const leftMs = `${Math.round(endMs - systemClock.monotonicMs())}`;
  const args = ["--conditions=@headwater/source", script, root, name, leftMs];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "ignore", "inherit"] });
  children.push(child);
  return child;
}

async function disturb(names: Map<string, ChildProcess>): Promise<void> {
  let restarts = 0;
  while (systemClock.monotonicMs() < endMs - 2_000) {
    await systemClock.sleep(200 + Math.random() * 400);
    const all = [...names];
    const [name, child] = all[Math.floor(Math.random() * all.length)]!;
    if (Math.random() < 0.3 && restarts < 3) {
      restarts += 1;
      child.kill("SIGKILL");
      names.set(name, start(name));
      continue;
    }
    child.kill("SIGSTOP");
    await systemClock.sleep(Math.random() < 0.5 ? 300 : 1_800);
    child.kill("SIGCONT");
  }
}

describe("three processes that want one lease", () => {
  it("never tell of a write that came after another holder began", async () => {
    const names = new Map(["a", "b", "c"].map((name) => [name, start(name)] as const));
    await disturb(names);
    for (const child of names.values()) {
      if (child.exitCode === null && child.signalCode === null) {
        await new Promise((resolve) => child.once("exit", resolve));
      }
      expect(child.exitCode).toBe(0);
    }
    const lines = readFileSync(join(root, "log"), "utf8").trim().split("\n");
    const told = new Set(
      lines.filter((line) => line.startsWith("ok ")).map((line) => line.slice(3)),
    );
    let newest = 0;
    for (const line of lines) {
      const [word, generation] = line.split(" ");
      if (word === "begin") {
        expect(Number(generation)).toBeGreaterThan(newest);
        newest = Number(generation);
      } else if (word === "write" && told.has(line.slice(6))) {
        expect(Number(generation), line).toBe(newest);
      }
    }
    // Little, so that a busy machine is not a failure; more than one holder, so that it is a test.
    expect(newest).toBeGreaterThan(1);
    expect(told.size).toBeGreaterThan(10);
  }, 60_000);
});
