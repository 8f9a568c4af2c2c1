/**
 * Earlier moments in a program that is written for Litestream and knows nothing of us.
 */

import { execFile } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { PACKAGE_DIR, programEnv, REGISTER } from "../support/asking.ts";
import { tempDir } from "../support/temp-dir.ts";
import { makeHistory } from "../support/travelling.ts";

const run = promisify(execFile);

describe.each(["false", "true"])("with LITESTREAM_WRITE_ENABLED=%s", (isWriter) => {
  it("the PRAGMA and the functions go there and back", async () => {
    const history = await makeHistory(3);
    await history.close();
    const program = join(tempDir(), "program.mjs");
    writeFileSync(
      program,
      `import { DatabaseSync } from "node:sqlite";
       const [past, present] = [1, 2].map(() => new DatabaseSync("file:app.db?vfs=litestream"));
       const newest = (database) =>
         database.prepare("select max(number) as n from state").get().n;
       const seen = [];
       const look = () => seen.push(newest(past), newest(present));
       past.exec("pragma litestream_time = '${history.times[1]}'");
       look();
       past.prepare("select litestream_set_time(?)").get("${history.times[2]}");
       look();
       const { shown } = past.prepare("select litestream_time() as shown").get();
       seen.push(Date.parse(shown) === Date.parse("${history.times[2]}"));
       past.prepare("select litestream_set_time('LATEST')").get();
       look();
       past.close();
       present.close();
       console.log(JSON.stringify(seen));`,
    );
    const env = programEnv(
      { LITESTREAM_REPLICA_URL: history.url, LITESTREAM_WRITE_ENABLED: isWriter },
      join(tempDir(), "state"),
    );
    const args = ["--conditions=@headwater/source", "--no-warnings", ...REGISTER, program];
    const { stdout } = await run(process.execPath, args, { cwd: PACKAGE_DIR, env });
    expect(JSON.parse(stdout)).toEqual([1, 3, 2, 3, true, 3, 3]);
  });
});
