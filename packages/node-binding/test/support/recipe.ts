/**
 * The recipes of `docs/recipes` as a reader would use them: the files that a document shows, pasted
 * into a folder of a program that has installed this package, and the commands that it shows.
 *
 * A block is a file if its first line is a comment that names it: `// server.ts`, `# fly.toml`.
 */

import { chmodSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { tempDir } from "./temp-dir.ts";

const RECIPES = new URL("../../../../docs/recipes/", import.meta.url);
const PACKAGE = fileURLToPath(new URL("../../", import.meta.url));

export interface Recipe {
  /** The text of each file, by its name. */
  readonly files: ReadonlyMap<string, string>;
  /** Command lines, in order; one that goes on in the next line is one. */
  readonly commands: readonly string[];
}

export function readRecipe(name: string): Recipe {
  const text = readFileSync(new URL(`${name}.md`, RECIPES), "utf8");
  const files = new Map<string, string>();
  const commands: string[] = [];
  for (const [, language = "", code = ""] of text.matchAll(/^```(\w*)\n([\s\S]*?)^```/gm)) {
    const file = /^(?:\/\/|#) ([\w.-]+)\n/.exec(code)?.[1];
    if (file !== undefined) files.set(file, code);
    else if (language === "sh") commands.push(...commandsOf(code));
  }
  return { files, commands };
}

function commandsOf(code: string): string[] {
  const lines = code.replaceAll(/\\\n\s*/g, "").split("\n");
  return lines.map((line) => line.replace(/\s+# .*$/, "").trim()).filter((line) => line !== "");
}

/**
 * The folder of a program with these files, which is gone after the test. It is outside of the
 * repository, so that nothing finds it that looks at all of that.
 */
export function programFolder(
  { files }: Pick<Recipe, "files">,
  packages: readonly string[] = [],
): string {
  const folder = tempDir();
  chmodSync(folder, 0o755); // for programs that run as other users
  writeFileSync(join(folder, "package.json"), '{ "type": "module" }\n');
  install(folder, "@headwater/node-binding", PACKAGE);
  for (const name of ["better-sqlite3", ...packages]) {
    install(folder, name, join(PACKAGE, "node_modules", name));
  }
  for (const [name, text] of files) writeFileSync(join(folder, name), text);
  return folder;
}

function install(folder: string, name: string, target: string): void {
  const path = join(folder, "node_modules", name);
  mkdirSync(dirname(path), { recursive: true });
  symlinkSync(target, path);
}
