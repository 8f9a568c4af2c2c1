/**
 * Runs what was built, as it is published, and ends with an error if it does not work: the tests
 * all run the sources. `npm test` calls this when everything is built.
 */

import { deepEqual, match, ok, rejects } from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

// By the name of the package, which leads to dist/ here.
const { HeadwaterError, mount, openDatabase } = await import("@headwater/node-binding");
const { fileLocks } = await import("@headwater/node-binding/offline");
const { parseDuration } = await import("@headwater/node-binding/text");
const core = await import("@headwater/vfs-core");

const folder = mkdtempSync(join(tmpdir(), "headwater-built-"));
try {
  await writeAndRead();
  await fail();
  checkFiles();
  ok(fileLocks);
  ok(parseDuration);
} finally {
  rmSync(folder, { recursive: true, force: true });
}

async function writeAndRead(): Promise<void> {
  const url = `file://${folder}/app.db`;
  const journalDir = join(folder, "journal");
  await using writer = await openDatabase({ url, mode: "write", journalDir });
  writer.database.exec("create table note(text); insert into note values ('kept')");
  ok((await writer.flush()) >= 1n);
  await using reader = await mount({ url, drivers: ["node:sqlite"] });
  const connection = new DatabaseSync(reader.filename);
  const rows = connection.prepare("select text from note").all();
  deepEqual(
    rows.map(({ text }) => text),
    ["kept"],
  );
  connection.close();
}

/** Errors are of the class that both packages export, whichever copy of it made them. */
async function fail(): Promise<void> {
  const nowhere = "s3://bucket/app.db?endpoint=http://127.0.0.1:1&region=us-east-1";
  const storeOptions = { accessKeyId: "a", secretAccessKey: "b" };
  const opening = openDatabase({ url: nowhere, storeOptions, requestTimeoutMs: 100 });
  await rejects(opening, { name: "HeadwaterError", code: "STORE_UNAVAILABLE" });
  const invalid = openDatabase({ url: "" });
  await rejects(invalid, (error: Error) => {
    ok(error instanceof HeadwaterError && error instanceof core.HeadwaterError);
    match(error.stack ?? "", /^HeadwaterError: /);
    return true;
  });
}

/** A start reads few files: its callers have all of ours inside, the engine all but the stores. */
function checkFiles(): void {
  deepEqual(packagesOf("index.js"), []);
  deepEqual(packagesOf("engine-worker.js"), ["@headwater/object-store"]);
  // A Node.js that is too old is told so before it loads the binary.
  const text = filesOf("index.js")
    .map(textOf)
    .find((code) => code.includes("resolveBinary()"));
  match(text ?? "", /needs Node\.js.*= resolveBinary\(\)/s);
}

function textOf(file: string): string {
  return readFileSync(new URL(`../dist/${file}`, import.meta.url), "utf8");
}

/** What a file imports before it runs, in this order. */
function importsOf(file: string): string[] {
  const found = textOf(file).matchAll(/^(?:import|\}|export).*?"([^"\n]+)";$/gm);
  return [...found].map(([, name = ""]) => name).filter((name) => !name.startsWith("node:"));
}

function filesOf(entry: string): string[] {
  const files = new Set([entry]);
  for (const file of files) {
    for (const name of importsOf(file)) if (name.startsWith("./")) files.add(name.slice(2));
  }
  return [...files];
}

/** The packages that a file imports before it runs, itself or by files beside it. */
function packagesOf(entry: string): string[] {
  const names = filesOf(entry).flatMap(importsOf);
  return [...new Set(names.filter((name) => !name.startsWith("./")))];
}
