/**
 * The cases of this group, in the order in which they run and are reported.
 */

import { commitLatency } from "./cases/commit-latency.ts";
import { commits } from "./cases/commits.ts";
import { duringUpload } from "./cases/during-upload.ts";
import { hydrate } from "./cases/hydrate.ts";
import { hydrated } from "./cases/hydrated.ts";
import { open } from "./cases/open.ts";
import { paced } from "./cases/paced.ts";
import { points } from "./cases/points.ts";
import { remote } from "./cases/remote.ts";
import { scan } from "./cases/scan.ts";
import { steady } from "./cases/steady.ts";
import { transactions } from "./cases/transactions.ts";
import { warm } from "./cases/warm.ts";
import type { ReplicaCase } from "./replica-case.ts";

export const REPLICA_CASES: readonly ReplicaCase[] = [
  open,
  points,
  scan,
  warm,
  hydrate,
  hydrated,
  commits,
  transactions,
  paced,
  commitLatency,
  steady,
  remote,
  duringUpload,
];
