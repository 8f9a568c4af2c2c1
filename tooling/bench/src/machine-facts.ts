/**
 * What the numbers were measured on.
 */

import { execFileSync } from "node:child_process";
import { cpus, release, totalmem, type } from "node:os";

export interface MachineFacts {
  readonly cpuModel: string;
  readonly cores: number;
  readonly memoryBytes: number;
  readonly system: string;
  readonly node: string;
  readonly sqliteOfNode: string;
  /** Undefined outside of a checkout. */
  readonly commit: string | undefined;
}

export function machineFacts(): MachineFacts {
  const all = cpus();
  return {
    cpuModel: all[0]?.model.trim() ?? "unknown",
    cores: all.length,
    memoryBytes: totalmem(),
    system: `${type()} ${release()} ${process.arch}`,
    node: process.version,
    sqliteOfNode: process.versions.sqlite ?? "unknown",
    commit: currentCommit(),
  };
}

function currentCommit(): string | undefined {
  try {
    const commit = git("rev-parse", "--short", "HEAD");
    return git("status", "--porcelain") === "" ? commit : `${commit} with changes`;
  } catch {
    return undefined;
  }
}

function git(...args: readonly string[]): string {
  return execFileSync("git", args, {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
  }).trim();
}
