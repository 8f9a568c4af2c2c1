/** Files that other programs wrote, and what their manifest says of them. */
import { readFileSync } from "node:fs";

export interface GoldenFile {
  readonly name: string;
  readonly size: number;
  readonly sha256: string;
  readonly header: Readonly<Record<string, number | string>>;
  readonly pages: readonly {
    readonly pgno: number;
    readonly offset: number;
    readonly size: number;
    readonly encoding: "block" | "frame";
    readonly sha256: string;
  }[];
  readonly trailer: { readonly postApplyChecksum: string; readonly fileChecksum: string };
}

interface Manifest {
  readonly files: readonly GoldenFile[];
  readonly restores: readonly { readonly files: readonly string[]; readonly sha256: string }[];
}

const goldenFolder = new URL("./golden/", import.meta.url);

export const manifest: Manifest = JSON.parse(
  readFileSync(new URL("manifest.json", goldenFolder), "utf8"),
);

export function readGolden(name: string): Uint8Array {
  return new Uint8Array(readFileSync(new URL(name, goldenFolder)));
}
