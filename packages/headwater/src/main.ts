#!/usr/bin/env node
/**
 * The program `headwater`.
 */

import { run } from "./run.ts";
import { endWith, processIo } from "./system.ts";

endWith(await run(process.argv.slice(2), processIo()));
