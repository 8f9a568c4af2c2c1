/**
 * The recipe of a volume for the journal: its commands and its program, as they are pasted; only
 * the bucket and the volume become folders of the test.
 */

import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { HeadwaterError } from "@headwater/node-binding";
import { expect, it, vi } from "vitest";
import { headwater, type Outcome } from "./support/headwater.ts";
import { folders, type Place } from "./support/places.ts";
import { tempDir } from "./support/temp-dir.ts";
import { openWriter } from "./support/writer.ts";

// Each command is a process of its own, and takes its time on a busy machine.
vi.setConfig({ testTimeout: 120_000 });

const DOCUMENT = new URL("../../../docs/recipes/journal-volume.md", import.meta.url);
const RECIPE = readFileSync(DOCUMENT, "utf8");
const SOURCES = ["--conditions=@headwater/source", "--no-warnings"];
const CRASHING = fileURLToPath(new URL("./support/crashing-notes.ts", import.meta.url));

interface Volume {
  readonly place: Place;
  readonly journalDir: string;
  /** Where the reader of the recipe is. */
  readonly cwd: string;
}

function makeVolume(): Volume {
  return { place: folders.make(), journalDir: join(tempDir(), "journal"), cwd: tempDir() };
}

function crash({ place, journalDir }: Volume, ...keys: readonly string[]): void {
  const { signal } = spawnSync(process.execPath, [
    ...SOURCES,
    CRASHING,
    place.url,
    journalDir,
    ...keys,
  ]);
  expect(signal).toBe("SIGKILL");
}

/** As on this machine. */
function localize(text: string, { place, journalDir }: Volume): string {
  return text
    .replaceAll("s3://bucket/app.db", place.url)
    .replaceAll("/var/lib/app/journal", journalDir);
}

/** Each of the recipe's commands, in order, and what it says. */
async function runCommands(volume: Volume): Promise<Outcome[]> {
  const lines = [...RECIPE.matchAll(/^headwater (.*)$/gm)].map(([, line = ""]) => line);
  const outcomes: Outcome[] = [];
  for (const line of lines) {
    const words = localize(line, volume).split(" ");
    outcomes.push(await headwater(words, { cwd: volume.cwd }));
  }
  return outcomes;
}

function runProgram(volume: Volume): string {
  const [, code = ""] = /```ts\n(\/\/ bring-back\.ts\n[\s\S]*?)```/.exec(RECIPE) ?? [];
  const path = join(volume.cwd, "bring-back.ts");
  writeFileSync(path, localize(code, volume));
  writeFileSync(join(volume.cwd, "package.json"), '{ "type": "module" }\n');
  const modules = fileURLToPath(new URL("../node_modules", import.meta.url));
  symlinkSync(modules, join(volume.cwd, "node_modules"));
  const options = { cwd: volume.cwd, encoding: "utf8", timeout: 60_000 } as const;
  return execFileSync(process.execPath, [...SOURCES, path], options);
}

function keysOf(writer: Awaited<ReturnType<typeof openWriter>>): unknown[] {
  return writer.database.prepare("select key from notes order by key").pluck().all();
}

it("the journal of a writer that was killed is uploaded by the next one", async () => {
  const volume = makeVolume();
  const { place, journalDir } = volume;
  crash(volume, "a", "b", "c");
  crash(volume, "d", "e");
  const next = await openWriter(place, { journalDir });
  expect(keysOf(next)).toEqual(["a", "b", "c", "d", "e"]);
  await next.close();
  expect(existsSync(journalDir)).toBe(false);
  const elsewhere = await openWriter(place);
  expect(keysOf(elsewhere)).toEqual(["a", "b", "c", "d", "e"]);
});

it("what is stranded is shown, saved, given up and brought back by the recipe", async () => {
  const volume = makeVolume();
  const { place, journalDir } = volume;
  crash(volume, "a", "b", "c");
  const other = await openWriter(place);
  other.database.exec("insert into notes values ('x', 'from elsewhere')");
  await other.close();
  const opening = openWriter(place, { journalDir });
  await expect(opening).rejects.toSatisfy((error) => HeadwaterError.is(error, "JOURNAL_CONFLICT"));

  const [inspected, exported, discarded] = await runCommands(volume);
  expect([inspected?.code, exported?.code, discarded?.code]).toEqual([0, 0, 0]);
  expect(inspected?.stdout).toMatch(/stranded/);
  expect(existsSync(join(volume.cwd, "stranded.db"))).toBe(true);
  expect(existsSync(journalDir)).toBe(false);
  expect(runProgram(volume)).toMatch(/^brought back 2 notes, as of transaction \d+\n$/);
  const next = await openWriter(place, { journalDir });
  expect(keysOf(next)).toEqual(["a", "b", "c", "x"]);
});

it("a journal of another replica, and one that is in use, are refused", async () => {
  const volume = makeVolume();
  const { journalDir } = volume;
  crash(volume, "a", "b");
  const elsewhere = openWriter(folders.make(), { journalDir });
  await expect(elsewhere).rejects.toMatchObject({ code: "JOURNAL_INVALID" });
  const writer = await openWriter(volume.place, { journalDir });
  const second = openWriter(volume.place, { journalDir });
  await expect(second).rejects.toMatchObject({ code: "JOURNAL_LOCKED" });
  await writer.close();
});
