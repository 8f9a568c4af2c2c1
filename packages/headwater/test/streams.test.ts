/**
 * What goes to which stream, and what becomes of the program when nobody reads there.
 */

import { spawn } from "node:child_process";
import { closeSync, existsSync, openSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { headwater, MAIN_WORDS, start } from "./support/headwater.ts";
import { folders, type Place } from "./support/places.ts";
import { makeSlowStore } from "./support/slow-store.ts";
import { tempDir } from "./support/temp-dir.ts";
import { openWriter, writeHistory } from "./support/writer.ts";

// Each command is a process of its own, and takes its time on a busy machine.
vi.setConfig({ testTimeout: 120_000 });

const SCRIPT = "/usr/bin/script";
const FULL = "/dev/full";
const noTerminal =
  process.platform === "linux" && existsSync(SCRIPT) ? undefined : "there is no script(1)";

interface Shown {
  readonly code: number | null;
  /** What a terminal has got, which standard error is. */
  readonly terminal: string;
  readonly stdout: string;
}

async function inTerminal(words: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Shown> {
  const out = join(tempDir(), "out");
  const quoted = [process.execPath, ...MAIN_WORDS, ...words].map((word) => `'${word}'`).join(" ");
  const options = ["--quiet", "--return", "--command", `${quoted} > '${out}'`, "/dev/null"];
  const child = spawn(SCRIPT, options, {
    env: { ...process.env, TERM: "xterm", ...env },
    stdio: ["ignore", "pipe", "inherit"],
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  let terminal = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    terminal += text;
  });
  const code = await new Promise<number | null>((resolve) => child.on("close", resolve));
  return { code, terminal, stdout: readFileSync(out, "utf8") };
}

function damage({ url }: Place): void {
  const folder = join(fileURLToPath(url), "ltx", "0");
  const name = readdirSync(folder).find((one) => one.endsWith(".ltx")) ?? "";
  const path = join(folder, name);
  const bytes = readFileSync(path);
  bytes[200] = (bytes[200] ?? 0) ^ 1;
  writeFileSync(path, bytes);
}

describe("progress", () => {
  it.skipIf(noTerminal)("is shown to who looks, and is no part of the result", async () => {
    const folder = tempDir();
    const slow = await makeSlowStore(folder, join(folder, "origin.db"));
    const restore = (name: string) => ["restore", "--json", ...slow(100), join(folder, name)];
    const shown = await inTerminal(restore("shown.db"));
    expect(shown.code).toBe(0);
    expect(shown.terminal).toMatch(/restoring \S+ +\d+% .* MiB of .* MiB, .* left/);
    expect(JSON.parse(shown.stdout)).toMatchObject({ txid: 1 });
    const quiet = await inTerminal([...restore("quiet.db"), "--quiet"]);
    expect([quiet.code, quiet.terminal]).toEqual([0, ""]);
    const { code, stderr } = await headwater(restore("piped.db"));
    expect([code, stderr]).toEqual([0, ""]);
  });

  it.skipIf(noTerminal)("is shown while a snapshot is made, too", async () => {
    const folder = tempDir();
    const slow = await makeSlowStore(folder, join(folder, "origin.db"));
    const writer = await openWriter({ url: `file://${folder}/replica`, env: {} });
    writer.database.exec("create table more(a)");
    await writer.close();
    const { code, terminal, stdout } = await inTerminal(["snapshot", ...slow(100)]);
    expect([code, stdout]).toEqual([0, "snapshot made\n"]);
    expect(terminal).toMatch(/making a snapshot \S+ +\d+% .* MiB of .* MiB/);
  });

  it.skipIf(noTerminal)("and colors are of a terminal, unless NO_COLOR is set", async () => {
    const missing = ["info", join(tempDir(), "nowhere")];
    const red = "\u001b[31m";
    expect((await inTerminal(missing)).terminal).toContain(red);
    expect((await inTerminal(missing, { NO_COLOR: "1" })).terminal).not.toContain(red);
    expect((await inTerminal(missing, { TERM: "dumb" })).terminal).not.toContain(red);
  });
});

describe("where nobody reads any more,", () => {
  it("a command ends with what it has found, and says nothing", async () => {
    const place = folders.make();
    await writeHistory(place);
    const endOf = async (words: readonly string[]) => {
      const child = start(words);
      child.stdout?.destroy();
      let complaint = "";
      child.stderr?.setEncoding("utf8").on("data", (text: string) => {
        complaint += text;
      });
      return [await new Promise((resolve) => child.on("close", resolve)), complaint];
    };
    expect(await endOf(["list", place.url])).toEqual([0, ""]);
    const follow = ["restore", "--follow", place.url, join(tempDir(), "app.db")];
    expect(await endOf(follow)).toEqual([0, ""]);
    damage(place);
    expect(await endOf(["verify", place.url])).toEqual([3, ""]);
  });

  it("or where errors go, it ends as ever", async () => {
    const child = start(["info", join(tempDir(), "nowhere")]);
    child.stderr?.destroy();
    expect(await new Promise((resolve) => child.on("close", resolve))).toBe(1);
  });

  it.skipIf(!existsSync(FULL))("a disk that is full is told in one sentence", async () => {
    const place = folders.make();
    await writeHistory(place);
    const full = openSync(FULL, "w");
    const child = spawn(process.execPath, [...MAIN_WORDS, "list", place.url], {
      stdio: ["ignore", full, "pipe"],
    });
    closeSync(full);
    let complaint = "";
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      complaint += text;
    });
    expect(await new Promise((resolve) => child.on("close", resolve))).toBe(1);
    expect(complaint).toMatch(/^headwater: cannot write the result: .*ENOSPC.*\n$/);
  });
});
