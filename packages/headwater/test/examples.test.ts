/**
 * The examples of the README and of every command's help are taken as they stand. They run here
 * where there is nothing, so all they can say is that there is nothing.
 */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { run } from "../src/run.ts";
import type { Io } from "../src/system.ts";
import { tempDir } from "./support/temp-dir.ts";

const README = readFileSync(new URL("../README.md", import.meta.url), "utf8");

interface Said {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** In this process. */
async function say(words: readonly string[], folder: string): Promise<Said> {
  const [out, err]: [string[], string[]] = [[], []];
  const io: Io = {
    out: (text) => out.push(text),
    err: (text) => err.push(text),
    env: { XDG_STATE_HOME: folder },
    outIsTerminal: false,
    errIsTerminal: false,
    readInput: async () => "select 1",
    busy: (work) => work(),
    signal: new AbortController().signal,
  };
  const code = await run(words, io);
  return { code, out: out.join(""), err: err.join("") };
}

/** The command lines in a text, without comments and without what reads their output. */
function linesOf(text: string): string[] {
  const lines = [...text.matchAll(/^\s*(?:\$ )?headwater (.*)$/gm)].map(([, line = ""]) => line);
  return lines.map((line) => line.replace(/ +#.*$| \| .*$/, ""));
}

/** As a shell does it; places become places of the test. */
function wordsOf(line: string, folder: string): string[] {
  const words = [...line.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, bare]) => quoted ?? bare);
  return words.map((word = "") => {
    if (word.startsWith("s3://")) return join(folder, "replica");
    return /^[/\w-]+\.(db|ltx)$|^\/var\//.test(word) ? join(folder, word) : word;
  });
}

async function helpTexts(folder: string): Promise<string[]> {
  const texts: string[] = [];
  const look = async (command: readonly string[]) => {
    const { out } = await say([...command, "--help"], folder);
    texts.push(out);
    const list = out.split("\nCommands:\n")[1]?.split("\n\n")[0] ?? "";
    for (const [, name = ""] of list.matchAll(/^ {2}(\w+)/gm)) {
      if (name !== "help") await look([...command, name]);
    }
  };
  await look([]);
  return texts;
}

describe("examples", () => {
  it("of the README make sense to the program", async () => {
    const folder = tempDir();
    const lines = linesOf([...README.matchAll(/```sh\n(.*?)```/gs)].join("\n"));
    expect(lines.length).toBeGreaterThan(12);
    for (const line of new Set(lines)) {
      const { code, err } = await say(wordsOf(line, folder), folder);
      expect(code, `${line}: ${err}`).toBeLessThan(2);
      expect(err.split("\n").length, err).toBe(code + 1);
    }
  });

  it("of the help make sense to the program, and there are some for each command", async () => {
    const folder = tempDir();
    const texts = await helpTexts(folder);
    expect(texts.length).toBeGreaterThan(15);
    for (const text of texts) {
      if (text.includes("\nCommands:\n")) continue;
      const lines = linesOf(text.split("Examples:")[1] ?? "");
      expect(lines.length, text).toBeGreaterThan(0);
      for (const line of lines) {
        const { code, err } = await say(wordsOf(line, folder), folder);
        expect(code, `${line}: ${err}`).toBeLessThan(2);
      }
    }
  });

  it("of the README name every option that there is, and no other", async () => {
    const options = (text: string) =>
      new Set([...text.matchAll(/--[a-z][a-z0-9-]*/g)].map(([option]) => option));
    const known = options((await helpTexts(tempDir())).join("\n"));
    // They are everywhere, or for npm.
    for (const common of ["--help", "--version"]) known.delete(common);
    const told = options(README.replace(/npm install.*/g, ""));
    expect([...told].sort()).toEqual([...known].sort());
  });
});
