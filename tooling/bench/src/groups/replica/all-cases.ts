/**
 * The cases of this group, in the order in which they run and are reported.
 */

import { commitLatency } from "./cases/commit-latency.ts";
import { commits } from "./cases/commits.ts";
import { duringHydration } from "./cases/during-hydration.ts";
import { duringUpload } from "./cases/during-upload.ts";
import { follow } from "./cases/follow.ts";
import { hydrate } from "./cases/hydrate.ts";
import { hydrated } from "./cases/hydrated.ts";
import { idle } from "./cases/idle.ts";
import { join } from "./cases/join.ts";
import { memory } from "./cases/memory.ts";
import { open } from "./cases/open.ts";
import { openFiles } from "./cases/open-files.ts";
import { openFiles100 } from "./cases/open-files-100.ts";
import { openFiles10000 } from "./cases/open-files-10000.ts";
import { openHuge } from "./cases/open-huge.ts";
import { paced } from "./cases/paced.ts";
import { points } from "./cases/points.ts";
import { remote } from "./cases/remote.ts";
import { scan } from "./cases/scan.ts";
import { scanTable } from "./cases/scan-table.ts";
import { steady } from "./cases/steady.ts";
import { transactions } from "./cases/transactions.ts";
import { warm } from "./cases/warm.ts";
import type { ReplicaCase } from "./replica-case.ts";

export const REPLICA_CASES: readonly ReplicaCase[] = [
  open,
  openFiles100,
  openFiles,
  openFiles10000,
  openHuge,
  points,
  join,
  scan,
  scanTable,
  warm,
  hydrate,
  hydrated,
  memory,
  commits,
  transactions,
  paced,
  commitLatency,
  steady,
  remote,
  duringUpload,
  duringHydration,
  idle,
  follow,
];
