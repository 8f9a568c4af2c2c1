/**
 * A program that uses two copies of this package, whose binary is one file: its arguments are the
 * index.ts of each, and a folder.
 */

import { join } from "node:path";
import { Worker } from "node:worker_threads";
import type * as Headwater from "../../src/index.ts";

const [, , first, second, folder] = process.argv as unknown as readonly string[];

async function load(path: string | undefined): Promise<typeof Headwater> {
  return (await import(String(path))) as typeof Headwater;
}

async function open({ openDatabase }: typeof Headwater, name: string) {
  const opened = await openDatabase({
    url: `file://${folder}/${name}.db`,
    mode: "write",
    name,
    journalDir: join(String(folder), `journal of ${name}`),
  });
  opened.database.exec("create table item(a); insert into item values (1)");
  return opened;
}

const copies = [await load(first), await load(second)] as const;
// The engine may be that of another thread, so that both go the same way to it.
if (process.argv[5] === "thread") {
  const text = `
    const { workerData } = require("node:worker_threads");
    import(workerData.first).then(async ({ mount }) => {
      globalThis.kept = await mount({ url: "file://" + workerData.folder + "/0.db", mode: "write",
        journalDir: workerData.folder + "/journal of 0" });
      require("node:worker_threads").parentPort.postMessage("mounted");
      setInterval(() => {}, 2 ** 30);
    });`;
  const worker = new Worker(text, { eval: true, workerData: { first, folder } });
  await new Promise((resolve) => worker.once("message", resolve));
  worker.unref();
}
const opened = await Promise.all(copies.map((copy, index) => open(copy, `${index + 1}`)));
await Promise.all(opened.map(({ flush }) => flush()));
console.log(opened.map(({ name }) => name).join(" "));
await Promise.all(opened.map(({ close }) => close()));
process.exit();
