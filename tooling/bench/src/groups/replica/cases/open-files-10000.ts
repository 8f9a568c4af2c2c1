/**
 * As the case `open-files`, with 10,000 of them.
 */

import { openFilesCase } from "./open-files.ts";

export const openFiles10000 = openFilesCase("open-files-10000", 10_000);
