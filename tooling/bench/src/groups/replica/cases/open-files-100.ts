/**
 * As the case `open-files`, with 100 of them.
 */

import { openFilesCase } from "./open-files.ts";

export const openFiles100 = openFilesCase("open-files-100", 100);
