import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it, vi } from "vitest";
import { headwater } from "./support/headwater.ts";
import { folders } from "./support/places.ts";
import { tempDir } from "./support/temp-dir.ts";
import { writeHistory } from "./support/writer.ts";

// Each command is a process of its own, and takes its time on a busy machine.
vi.setConfig({ testTimeout: 120_000 });

const PACKAGE = new URL("../package.json", import.meta.url);

const COMMANDS = [
  ["info"],
  ["list"],
  ["restore"],
  ["verify"],
  ["import"],
  ["snapshot"],
  ["compact"],
  ["retain"],
  ["lease", "show"],
  ["lease", "break"],
  ["journal", "inspect"],
  ["journal", "export"],
  ["journal", "discard"],
  ["query"],
  ["describe"],
];

describe("the command line", () => {
  it.each(COMMANDS)("teaches %s %s by examples that it takes itself", async (...words) => {
    const command = words.filter((word) => word !== undefined);
    const { code, stdout, stderr } = await headwater([...command, "--help"]);
    expect([code, stderr]).toEqual([0, ""]);
    expect(stdout).toContain(`Usage: headwater ${command.join(" ")}`);
    expect(stdout).toContain("--json");
    expect(stdout).toMatch(
      new RegExp(`Examples:\\n +# .*\\n +\\$ headwater ${command.join(" ")} `),
    );
  });

  it("lists its commands, and tells its version", async () => {
    const { code, stdout } = await headwater(["--help"]);
    expect(code).toBe(0);
    for (const [name] of COMMANDS) expect(stdout).toMatch(new RegExp(`^ {2}${name} `, "m"));
    const { version } = JSON.parse(readFileSync(PACKAGE, "utf8")) as { readonly version: string };
    expect((await headwater(["--version"])).stdout).toBe(`${version}\n`);
  });

  it("ends with 2 when the command makes no sense, and says why", async () => {
    for (const [words, why] of [
      [[], "Usage:"],
      [["restor"], "Did you mean restore?"],
      [["info"], "missing required argument 'url'"],
      [["info", "--jsn", "file:///x"], "Did you mean --json?"],
      [["info", "file:///x", "--store-option", "regio=x"], 'no store option "regio"'],
      [["info", "file:///x", "--store-option", "region"], "NAME=VALUE"],
      [["info", "file:///x", "--store-option", "fsync=no"], "true or false"],
      [["list", "--level", "x", "file:///x"], '--level is a number from 0 to 9, not "x"'],
      [["info", ""], "the URL of the replica is empty"],
      [["query", "file:///x", " -- nothing\n;"], "there is no statement"],
    ] as const) {
      const { code, stderr, stdout } = await headwater(words);
      expect([code, stdout], words.join(" ")).toEqual([2, ""]);
      expect(stderr).toContain(why);
      expect(stderr).not.toMatch(/\n +at /);
    }
  });

  it("says so in JSON where that is asked for", async () => {
    for (const words of [["info"], ["info", "--bogus", "file:///x"], ["list", "--level=x", "y"]]) {
      const { code, stderr, stdout } = await headwater([...words, "--json"]);
      expect([code, stdout], words.join(" ")).toEqual([2, ""]);
      expect(JSON.parse(stderr)).toMatchObject({ error: { code: "USAGE" } });
    }
  });

  it("ends with 1 when it cannot be done, in one sentence, or in JSON", async () => {
    const nowhere = join(tempDir(), "nowhere");
    for (const url of [`file://${nowhere}`, nowhere, "ftp://host/x", "s3://bucket name/x"]) {
      const { code, stderr, stdout } = await headwater(["info", url]);
      expect([code, stdout], url).toEqual([1, ""]);
      expect(stderr, url).toMatch(/^headwater: .+\n$/);
    }
    const { stderr } = await headwater(["info", "--json", nowhere]);
    expect(JSON.parse(stderr)).toMatchObject({ error: { code: "REPLICA_NOT_FOUND" } });
  });

  it("shows no secret of a URL or an option", async () => {
    const secret = "s3cr3t";
    const url = `s3://user:${secret}@bucket/x?endpoint=http%3A%2F%2F127.0.0.1%3A1&key=${secret}`;
    const option = `secretAccessKey=${secret}`;
    const words = ["info", url, "--store-option", option, "--store-option", "accessKeyId=k"];
    const { code, stdout, stderr } = await headwater(words, { env: { AWS_REGION: "us-east-1" } });
    expect(code).toBe(1);
    expect(stdout + stderr).not.toContain(secret);
  });

  it("has colors only for those who want them", async () => {
    const escapes = "\u001b[";
    const place = folders.make();
    await writeHistory(place);
    const words = ["verify", place.url];
    expect((await headwater(words)).stdout).not.toContain(escapes);
    const forced = { FORCE_COLOR: "1", NO_COLOR: undefined };
    expect((await headwater(words, { env: forced })).stdout).toContain(escapes);
    const both = { FORCE_COLOR: "1", NO_COLOR: "1" };
    expect((await headwater(words, { env: both })).stdout).not.toContain(escapes);
  });

  it("takes a folder for a URL, and a store of one's own", async () => {
    const place = folders.make();
    await writeHistory(place);
    const path = fileURLToPath(place.url);
    expect((await headwater(["info", path])).code).toBe(0);
    const module = join(tempDir(), "my-store.mjs");
    const file = import.meta.resolve("@headwater/object-store/file");
    writeFileSync(
      module,
      `import { FileStore } from ${JSON.stringify(file)};
       export default ({ root }) => ({ store: new FileStore({ root }), path: "" });`,
    );
    const words = ["info", `module:${module}`, "--store-option", `root=${path}`];
    const { code, stdout, stderr } = await headwater(words);
    expect(stderr).toBe("");
    expect([code, stdout.includes("transaction 5")]).toEqual([0, true]);
  });
});
