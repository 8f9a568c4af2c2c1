/**
 * Where a banned word is allowed after all. One line per file, with the reason.
 *
 * Time, chance and the environment are arguments everywhere else: a program that gets them from
 * outside can be tested with clocks that jump and dice that are loaded.
 */

export interface Ban {
  /** As it is written in the code. A trailing dot stands for every member. */
  readonly use: string;
  readonly instead: string;
}

/** Banned in the published code of packages; programs, tools and tests may use them. */
export const BANNED_IN_PACKAGES: readonly Ban[] = [
  { use: "Date.now", instead: "clock.nowMs()" },
  { use: "new Date()", instead: "new Date(clock.nowMs())" },
  { use: "performance.now", instead: "clock.monotonicMs()" },
  { use: "process.hrtime", instead: "clock.monotonicMs()" },
  { use: "setTimeout(", instead: "clock.sleep()" },
  { use: "setInterval(", instead: "a loop with clock.sleep()" },
  { use: "Math.random", instead: "the random function in the options" },
  { use: "randomUUID(", instead: "the random function in the options" },
  { use: "crypto.randomUUID", instead: "the random function in the options" },
  { use: "process.env", instead: "an option" },
  { use: "console.", instead: "the tracer, or nothing" },
];

/** Modules whose only use is to get at what is banned above. */
export const BANNED_IMPORTS: readonly Ban[] = [
  { use: "node:timers/promises", instead: "clock.sleep()" },
];

/** Banned everywhere. */
export const BANNED_EVERYWHERE: readonly Ban[] = [
  { use: "as any", instead: "unknown and a check" },
  { use: "enum", instead: "a union of string literals" },
  { use: "it.only", instead: "it" },
  { use: "test.only", instead: "test" },
  { use: "describe.only", instead: "describe" },
];

/** The one adapter file per package and runtime that turns the real thing into an argument. */
export const ADAPTERS: Readonly<Record<string, readonly string[]>> = {
  "packages/lease/src/system.ts": ["Date.now", "performance.now", "setTimeout(", "Math.random"],
  "packages/object-store/src/system.ts": [
    "Date.now",
    "performance.now",
    "setTimeout(",
    "Math.random",
    "process.env",
  ],
  "packages/vfs-core/src/system.ts": ["Date.now", "performance.now", "setTimeout(", "Math.random"],
  "packages/node-binding/src/system.ts": ["process.env", "setInterval(", "setTimeout("],
  "packages/headwater/src/system.ts": ["process.env"],
};

/** Tools, and our own loader of store modules, that insist on a default export. */
export const DEFAULT_EXPORTS: readonly RegExp[] = [
  /(^|\/)[a-z-]+\.config\.ts$/,
  /^tooling\/run\/src\/reporter\.mjs$/,
  /^packages\/object-store\/test\/example-store\.ts$/,
];

/**
 * Started by a tool that finds them itself. A file that some module or package.json names needs no
 * entry here.
 */
export const STARTED_BY_NAME: readonly RegExp[] = [
  /(^|\/)[a-z-]+\.config\.ts$/,
  /\.test\.ts$/,
  /\.bench\.ts$/,
  // Commands for people and for shell scripts: no module names these.
  /^tooling\/servers\/(install|start)\.ts$/,
];

/** What a package may publish beyond `dist`, `src` and the changelog. */
export const FILES_BEYOND: Readonly<Record<string, readonly string[]>> = {
  "packages/node-binding": ["native", "prebuilds"],
};
