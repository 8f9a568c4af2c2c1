/**
 * The name of the kind of machine this runs on, as the folders under prebuilds/ are called.
 */

import { programLoader } from "./program-loader.ts";

/** Every target that a release holds. */
export const TARGETS = [
  "darwin-arm64",
  "darwin-x64",
  "linux-arm64-gnu",
  "linux-arm64-musl",
  "linux-x64-gnu",
  "linux-x64-musl",
] as const;

/** The running program. */
const SELF = "/proc/self/exe";

/** Told by the program's own header, as a report of the process takes milliseconds to make. */
function linuxLibc(): "gnu" | "musl" {
  try {
    const loader = programLoader(SELF);
    if (loader !== undefined) return loader.includes("/ld-musl-") ? "musl" : "gnu";
  } catch {
    // There is no /proc here.
  }
  const report = process.report.getReport() as { header?: { glibcVersionRuntime?: string } };
  return report.header?.glibcVersionRuntime === undefined ? "musl" : "gnu";
}

/** For example "linux-x64-gnu"; also for machines that no release covers. */
export function currentTarget(): string {
  const base = `${process.platform}-${process.arch}`;
  return process.platform === "linux" ? `${base}-${linuxLibc()}` : base;
}
