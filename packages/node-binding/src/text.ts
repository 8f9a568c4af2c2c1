/** Values as people write them, for programs that take them: needs no native code. */

export { parseDuration } from "./parse-duration.ts";
export { parseTime } from "./parse-time.ts";
