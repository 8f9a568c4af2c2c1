/**
 * The cases of this group, in the order in which they run and are reported.
 */

import { commits } from "./cases/commits.ts";
import { hydrate } from "./cases/hydrate.ts";
import { hydrated } from "./cases/hydrated.ts";
import { open } from "./cases/open.ts";
import { points } from "./cases/points.ts";
import { scan } from "./cases/scan.ts";
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
];
