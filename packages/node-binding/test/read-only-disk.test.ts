import { join } from "node:path";
import { expect, it } from "vitest";
import { openReader, openWriter } from "./support/mounts.ts";
import { smallDisk } from "./support/small-disk.ts";
import { tempDir } from "./support/temp-dir.ts";

it("an index cache is used where nobody can write to it, as in an image", async (context) => {
  const disk = smallDisk(4);
  if (typeof disk === "string") return context.skip(disk);
  const options = { url: `file://${tempDir()}/app.db`, indexCacheDir: join(disk.path, "cache") };
  const writer = await openWriter({ url: options.url });
  writer.database.exec("create table t(a)");
  await writer.flush();
  const indexCache = async () => {
    const reader = await openReader(options);
    const status = await reader.status();
    await reader.close();
    return status.indexCache;
  };
  expect(await indexCache()).toMatchObject({ hitCount: 0, missCount: 1 });
  if (!disk.makeReadOnly()) return context.skip("a disk cannot be made read-only");
  expect(await indexCache()).toEqual({ hitCount: 1, missCount: 0, lastError: undefined });
});
