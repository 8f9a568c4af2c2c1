/**
 * The layers of the workspace: who may import whom. Types count as imports, and so do tests.
 *
 * Always true:
 *   - A package may import only packages that stand before it in this list, so there is no cycle.
 *   - What is not listed under `imports` is not allowed, even if it stands before.
 *
 * Change this list first, with a reason, and the imports after.
 */

export interface Layer {
  /** The package name without its scope. */
  readonly name: string;
  readonly imports: readonly string[];
}

export const SCOPE = "@headwater/";

export const LAYERS: readonly Layer[] = [
  { name: "ltx", imports: [] },
  { name: "object-store", imports: [] },
  { name: "page-cache", imports: [] },
  { name: "lease", imports: ["object-store"] },
  { name: "vfs-core", imports: ["ltx", "object-store", "page-cache", "lease"] },
  // It wires everything below it together, in the engine worker.
  { name: "node-binding", imports: ["ltx", "object-store", "page-cache", "lease", "vfs-core"] },
];

/**
 * Private packages of tooling that tests may use. They are never published and import nothing of
 * ours but those before them in this list, so that they stand below everything.
 */
export const TEST_TOOLS: readonly string[] = ["gcs-fake", "servers"];

/** Programs and tools sit on top of the layers and may use any of them. */
export const ABOVE_ALL_LAYERS: readonly string[] = ["apps/", "tooling/", "packages/headwater/"];
