/**
 * What is wrong with a configuration is said when a database is opened, in words, and never later.
 */

import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { DRIVER_NAMES, filenameWith, PlainProgram } from "./support/asking.ts";
import { eventually } from "./support/eventually.ts";
import { fileStore, s3Store } from "./support/stores.ts";
import { tempDir } from "./support/temp-dir.ts";

const ceph = await s3Store("ceph", "wrong credentials in Litestream's configuration");

const GOOD = { LITESTREAM_WRITE_ENABLED: "true" };

/** Each with the words that name it, its value, and what is allowed. */
const VARIABLES: readonly (readonly [name: string, value: string, words: string])[] = [
  ["LITESTREAM_REPLICA_URL", "bucket/app.db", "must be the URL of a replica"],
  ["LITESTREAM_REPLICA_URL", "ftp://host/app.db", "no store has the scheme of ftp://host/app.db"],
  ["LITESTREAM_REPLICA_URL", "s3://bucket/app.db\r", "s3://bucket/app.db%0D: the store is not"],
  ["LITESTREAM_WRITE_ENABLED", "maybe", 'cannot be "maybe": it must be "true" or "false"'],
  ["LITESTREAM_SYNC_INTERVAL", "10", 'cannot be "10": it must be a duration'],
  ["LITESTREAM_HYDRATION_ENABLED", "2", 'cannot be "2": it must be "true" or "false"'],
  ["LITESTREAM_LOG_LEVEL", "loud", 'cannot be "loud": it must be DEBUG, INFO, WARN or ERROR'],
  ["LITESTREAM_LOG_FILE", "/nowhere/at/all.log", 'cannot be "/nowhere/at/all.log": ENOENT'],
];

const PARAMETERS: readonly (readonly [name: string, value: string, words: string])[] = [
  ["replica_url", "bucket/app.db", "must be the URL of a replica"],
  ["replica_url", "ftp://host/app.db", "no store has the scheme of ftp://host/app.db"],
  ["write_enabled", "maybe", 'cannot be "maybe": it must be "true" or "false"'],
  ["sync_interval", "-1s", 'cannot be "-1s": it must be a duration'],
  ["hydration_enabled", "2", 'cannot be "2": it must be "true" or "false"'],
  ["poll_interval", "0s", 'cannot be "0s": it must be a duration above 0'],
  ["cache_size", "10MB", 'cannot be "10MB": it must be a number of bytes'],
];

describe.each(DRIVER_NAMES)("a program with %s", (driver) => {
  it("hears what is wrong with a variable or a parameter, and can go on", async () => {
    const url = fileStore.place().options.url;
    const program = new PlainProgram(driver, { LITESTREAM_REPLICA_URL: url, ...GOOD });
    for (const [name, value, words] of VARIABLES) {
      await program.setVariable(name, value);
      const opening = program.open();
      await expect(opening, `${name}=${value}`).rejects.toThrow(words);
      await expect(opening, `${name}=${value}`).rejects.toThrow(name);
      await program.setVariable(name, name === "LITESTREAM_REPLICA_URL" ? url : "");
    }
    for (const [name, value, words] of PARAMETERS) {
      const opening = program.open(filenameWith({ [name]: value }));
      await expect(opening, `${name}=${value}`).rejects.toThrow(words);
      await expect(opening, `${name}=${value}`).rejects.toThrow(name);
    }
    await program.setVariable("LITESTREAM_WRITE_ENABLED", "true");
    await program.open();
    await program.exec("create table item(text)");
    await program.close();
    expect(await program.end()).toMatchObject({ code: 0 });
  });

  it("hears of a path where nothing can be made, with the name that it was given by", async () => {
    const url = fileStore.place().options.url;
    const file = join(tempDir(), "file");
    writeFileSync(file, "");
    const program = new PlainProgram(driver, { LITESTREAM_REPLICA_URL: url, ...GOOD });
    await program.open();
    await program.exec("create table item(text)");
    await program.close();
    const paths = [
      ["LITESTREAM_BUFFER_PATH", {}],
      ["LITESTREAM_HYDRATION_PATH", { hydration_enabled: "true" }],
    ] as const;
    const path = join(file, "below");
    const words = `cannot be ${JSON.stringify(path)}: it must be a path where this user may`;
    for (const [name, parameters] of paths) {
      await program.setVariable(name, path);
      const opening = program.open(filenameWith(parameters));
      await expect(opening).rejects.toThrow(`${name} ${words}`);
      await program.setVariable(name, "");
      const parameter = name.replace("LITESTREAM_", "").toLowerCase();
      const named = program.open(filenameWith({ ...parameters, [parameter]: path }));
      await expect(named).rejects.toThrow(`${parameter} ${words}`);
    }
    await program.open();
    expect(await program.value("select count(*) from item")).toBe(0);
    await program.close();
    await program.end();
  });

  it.skipIf(ceph.problem)("hears that a store does not know it", async () => {
    const { litestream } = ceph.place();
    const variables = { ...litestream.env, LITESTREAM_REPLICA_URL: litestream.url };
    const program = new PlainProgram(driver, { ...variables, AWS_SECRET_ACCESS_KEY: "wrong" });
    await expect(program.open()).rejects.toThrow("the store does not accept the credentials");
    await program.end();
  });

  it("hears of a database that cannot be attached, and goes on", async () => {
    const url = fileStore.place().options.url;
    const program = new PlainProgram(driver, { LITESTREAM_REPLICA_URL: url, ...GOOD });
    const nowhere = "s3://bucket/app.db?endpoint=http://127.0.0.1:1&region=us-east-1";
    await program.open();
    await program.exec("create table item(text)");
    const bad = filenameWith({ replica_url: nowhere, poll_interval: "often" });
    await expect(program.exec(`attach '${bad}' as other`)).rejects.toThrow("unable to open");
    await program.exec("insert into item values ('still there')");
    await program.close();
    const { stderr } = await program.end();
    expect(stderr).toContain('poll_interval cannot be \\"often\\"');
  });

  it("may give two connections of one writer no different settings", async () => {
    const url = fileStore.place().options.url;
    const program = new PlainProgram(driver, { LITESTREAM_REPLICA_URL: url, ...GOOD });
    await program.open(filenameWith({ sync_interval: "10s" }));
    await expect(
      program.open(filenameWith({ sync_interval: "20s", cache_size: "1000" }), "other"),
    ).rejects.toThrow("is open to write with another sync_interval, cache_size;");
    // A reader is a mount of its own, and sees what is in the bucket.
    await program.exec("create table item(text); pragma headwater_sync");
    await program.open(filenameWith({ write_enabled: "false" }), "reader");
    expect(await program.value("select count(*) from item", "reader")).toBe(0);
    await program.close("reader");
    await program.close();
    await program.end();
  });

  it("waits for the first backup", async () => {
    const url = fileStore.place().options.url;
    const log = join(tempDir(), "reader.log");
    const reader = new PlainProgram(driver, {
      LITESTREAM_REPLICA_URL: url,
      LITESTREAM_LOG_FILE: log,
    });
    const opened = reader.open();
    await eventually("waiting", () => {
      const text = existsSync(log) ? readFileSync(log, "utf8") : "";
      return text.includes("no backup files available") ? true : undefined;
    });
    const writer = new PlainProgram(driver, { LITESTREAM_REPLICA_URL: url, ...GOOD });
    await writer.open();
    await writer.exec("create table item(text)");
    await writer.close();
    await opened;
    expect(await reader.value("select count(*) from item")).toBe(0);
    await reader.close();
    expect(readFileSync(log, "utf8")).toMatch(/level=INFO msg=opened replica=file:\/\/\S+\n/);
    await writer.end();
    expect(await reader.end()).toMatchObject({ code: 0, stderr: "" });
  });
});
