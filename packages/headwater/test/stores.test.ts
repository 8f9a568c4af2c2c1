/** The same on every kind of store. */

import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { useServer } from "@headwater/servers/testing";
import Database from "better-sqlite3";
import { describe, expect, it, vi } from "vitest";
import { headwater } from "./support/headwater.ts";
import { tempDir } from "./support/temp-dir.ts";

// Each command is a process of its own, and takes its time on a busy machine.
vi.setConfig({ testTimeout: 120_000 });

const part = "headwater on every store";
const azure = await useServer("azurite", part);
const gcs = await useServer("gcs-fake", part);
const s3 = await useServer("miniflare", part);

interface Place {
  readonly name: string;
  readonly problem: string | undefined;
  readonly url: string;
  /** What the URL does not say. */
  readonly words: readonly string[];
}

const PLACES: Place[] = [];
const name = `${randomUUID()}/app.db`;
const none = { url: "", words: [] };

if (azure.available) {
  const { account, accountKey, bucket, endpoint } = azure.connection;
  const words = ["--endpoint", endpoint, "--store-option", `accountKey=${accountKey}`];
  const url = `abs://${account}@${bucket}/${name}`;
  PLACES.push({ name: "abs:", problem: undefined, url, words });
} else PLACES.push({ name: "abs:", problem: azure.reason, ...none });

if (gcs.available) {
  const { bucket, endpoint } = gcs.connection;
  const words = ["--endpoint", endpoint, "--store-option", "anonymous=true"];
  PLACES.push({ name: "gs:", problem: undefined, url: `gs://${bucket}/${name}`, words });
} else PLACES.push({ name: "gs:", problem: gcs.reason, ...none });

if (s3.available) {
  const { bucket, endpoint, region, accessKeyId, secretAccessKey } = s3.connection;
  const keys = [`accessKeyId=${accessKeyId}`, `secretAccessKey=${secretAccessKey}`];
  const options = keys.flatMap((text) => ["--store-option", text]);
  const words = ["--endpoint", endpoint, "--region", region, ...options];
  PLACES.push({ name: "s3:", problem: undefined, url: `s3://${bucket}/${name}`, words });
} else PLACES.push({ name: "s3:", problem: s3.reason, ...none });

describe.each(PLACES)("on $name", ({ problem, url, words }) => {
  it.runIf(problem === undefined)("a database goes there and comes back", async () => {
    const folder = tempDir();
    const [origin, restored] = [join(folder, "origin.db"), join(folder, "restored.db")];
    const database = new Database(origin);
    // More than one piece.
    database.exec("create table blobs(data)");
    const insert = database.prepare("insert into blobs values (randomblob(1000000))");
    for (let count = 0; count < 12; count += 1) insert.run();
    database.close();
    for (const command of [
      ["import", url, origin],
      ["restore", url, restored],
      ["verify", "--compare", origin, url],
      ["info", url],
      ["retain", url],
      ["lease", "show", url],
      ["query", url, "select count(*) from blobs"],
    ]) {
      const { code, stderr } = await headwater([...command, ...words]);
      expect([code, stderr], command.join(" ")).toEqual([0, ""]);
    }
    expect(readFileSync(restored).equals(readFileSync(origin))).toBe(true);
  });
});
