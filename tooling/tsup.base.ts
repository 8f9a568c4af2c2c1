import type { Options } from "tsup";

/** How every package is built: ES modules for Node 22, one file per entry, maps beside them. */
export function library(entry: Record<string, string>): Options {
  return {
    entry,
    format: ["esm"],
    target: "node22",
    platform: "neutral",
    sourcemap: true,
    clean: true,
    dts: false,
    splitting: true,
    // Some of Node's modules, node:sqlite among them, have no name without the prefix.
    removeNodeProtocol: false,
    // A name of the "imports" in package.json is looked up when it is used.
    external: [/^node:/, /^#/],
  };
}
