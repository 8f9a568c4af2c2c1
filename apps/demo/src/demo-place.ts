/**
 * Where the demo's database lives, and where its processes keep local files: new at the start, gone
 * at the end.
 */

import { randomBytes } from "node:crypto";
import { mkdtemp, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { openStore, redactUrl } from "@headwater/object-store";
import { DemoError } from "./demo-error.ts";

export interface Stored {
  readonly files: number;
  readonly bytes: number;
}

export interface PlaceOptions {
  readonly url?: string;
  readonly keep: boolean;
}

export class DemoPlace {
  /** Of the replica, below what the caller named. */
  readonly url: string;
  /** Local files: the journal and the image. And the store, unless the caller named one. */
  readonly folder: string;
  /** From when the writer has been let in. */
  mayHoldData = false;
  readonly #keep: boolean;
  readonly #storeIsInFolder: boolean;
  #tidied: Promise<Stored> | undefined;

  private constructor(url: string, folder: string, options: PlaceOptions) {
    this.url = url;
    this.folder = folder;
    this.#keep = options.keep;
    this.#storeIsInFolder = options.url === undefined;
  }

  static async create(options: PlaceOptions): Promise<DemoPlace> {
    const { url } = options;
    if (url !== undefined) refuseUseless(url);
    const folder = await mkdtemp(join(await realpath(tmpdir()), "headwater-demo-"));
    const own =
      url === undefined ? pathToFileURL(join(folder, "bucket", "app.db")).href : undefined;
    return new DemoPlace(own ?? freshBelow(url ?? ""), folder, options);
  }

  /** Without what could be secret. */
  get shownUrl(): string {
    return redactUrl(this.url);
  }

  /** Looks at what the store holds, then removes everything that is not to be kept. */
  tidy(): Promise<Stored> {
    this.#tidied ??= this.#tidy();
    return this.#tidied;
  }

  async #tidy(): Promise<Stored> {
    try {
      return await this.#emptyStore();
    } finally {
      const kept = this.#keep && this.#storeIsInFolder;
      const names = kept ? ["journal", "image.db"] : [""];
      for (const name of names) await remove(join(this.folder, name));
    }
  }

  async #emptyStore(): Promise<Stored> {
    const { store, path } = await openStore(this.url);
    await using target = store;
    const keys: string[] = [];
    let bytes = 0;
    for await (const { key, size } of target.list(path === "" ? "" : `${path}/`)) {
      keys.push(key);
      bytes += size;
    }
    if (!this.#keep) {
      await target.deleteMany(keys);
      if (this.url.startsWith("file:")) await remove(fileURLToPath(this.url));
    }
    return { files: keys.filter((key) => key.endsWith(".ltx")).length, bytes };
  }
}

/** Other runs, and whatever else is there, stay as they are. */
function freshBelow(url: string): string {
  const [, base = "", query = ""] = /^([^?]*)(.*)$/s.exec(url) ?? [];
  const name = `headwater-demo-${randomBytes(4).toString("hex")}`;
  return `${base.replace(/\/+$/, "")}/${name}/app.db${query}`;
}

function refuseUseless(url: string): void {
  if (!url.startsWith("memory:")) return;
  throw new DemoError(
    "A memory: store belongs to one process, and the demo has three: use a file: or s3: URL.",
  );
}

async function remove(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true });
}
