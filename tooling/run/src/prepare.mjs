/**
 * Everything between a fresh clone and a checkout that can run: the machine is looked at,
 * dependencies are installed, the native part is built. Done again only when something changed.
 */

import { createHash } from "node:crypto";
import { accessSync, constants, existsSync, readFileSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { INSTALL_STAMP, PINNED_NODE, ROOT } from "./paths.mjs";
import { ProblemError } from "./problem.mjs";
import { requiredStage } from "./progress.mjs";

const NODE_MAJOR_MIN = 20;

/** As tooling/native-build looks for them, after what CC names. */
const COMPILERS = ["cc", "gcc", "clang"];

const INSTALL_INPUTS = ["pnpm-lock.yaml", "pnpm-workspace.yaml", "package.json"];

export async function prepare() {
  checkMachine();
  await installDependencies();
  await requiredStage("build the native part", PINNED_NODE, ["tooling/native-build/build.ts"]);
}

/** The package manager to use, as `pnpm@10.1.2`: the root package.json is the one place for it. */
export function packageManager() {
  const manifest = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
  return String(manifest.packageManager);
}

function checkMachine() {
  const major = Number(process.versions.node.split(".")[0]);
  if (major < NODE_MAJOR_MIN) {
    throw new ProblemError(
      `Node.js ${NODE_MAJOR_MIN} or newer is needed to start, and this is ${process.version}.`,
    );
  }
  if (process.env.CC === undefined && !COMPILERS.some(isOnPath)) {
    throw new ProblemError(
      "A C compiler is missing: install one (on Debian `apt-get install g++`, on macOS " +
        "`xcode-select --install`), then run the command again.",
    );
  }
  if (!isOnPath("npx")) {
    throw new ProblemError("npx is missing: install npm, then run the command again.");
  }
}

async function installDependencies() {
  const wanted = installDigest();
  if (existsSync(PINNED_NODE) && readStamp() === wanted) return;
  // pnpm runs on the caller's Node.js here: the pinned one is among what it installs.
  const args = ["--yes", packageManager(), "install", "--frozen-lockfile"];
  await requiredStage("install dependencies", "npx", args, { bare: true });
  if (!existsSync(PINNED_NODE)) {
    throw new ProblemError(
      "The pinned Node.js was not put in place: is there a build of the npm package `node` for " +
        `${process.platform}-${process.arch}?`,
    );
  }
  writeFileSync(INSTALL_STAMP, wanted);
}

function installDigest() {
  const hash = createHash("sha256").update(`${process.platform}-${process.arch}\n`);
  for (const name of INSTALL_INPUTS) hash.update(readFileSync(join(ROOT, name)));
  return hash.digest("hex");
}

function readStamp() {
  return existsSync(INSTALL_STAMP) ? readFileSync(INSTALL_STAMP, "utf8") : undefined;
}

/** @param {string} command */
function isOnPath(command) {
  const folders = (process.env.PATH ?? "").split(delimiter);
  return folders.some((folder) => {
    try {
      accessSync(join(folder, command), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
