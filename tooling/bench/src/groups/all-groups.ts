/**
 * Every group of cases. A new one is a folder beside these, and a line here.
 */

import { coldStartGroup } from "./cold-start/cold-start-group.ts";
import type { Group } from "./group.ts";
import { ltxGroup } from "./ltx/ltx-group.ts";
import { pageCacheGroup } from "./page-cache/page-cache-group.ts";
import { replicaGroup } from "./replica/replica-group.ts";

export const GROUPS: readonly Group[] = [replicaGroup, ltxGroup, coldStartGroup, pageCacheGroup];
