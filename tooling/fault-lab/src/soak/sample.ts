/**
 * What this process holds now.
 */

import { readdir } from "node:fs/promises";
import type { Sample } from "./growth.ts";

export async function sampleSelf(): Promise<Sample> {
  const rssBytes = process.memoryUsage.rss();
  try {
    return { rssBytes, openCount: (await readdir("/proc/self/fd")).length };
  } catch {
    // There is no such folder on other systems.
    return { rssBytes, openCount: undefined };
  }
}
