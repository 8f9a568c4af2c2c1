import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { type Mount, openMount, type WriteMountOptions } from "../../src/index.ts";
import {
  type WriterDevice,
  WriterDeviceFactory,
  type WriterDeviceFactoryOptions,
} from "../../src/testing/index.ts";
import type { World } from "./world.ts";

export interface Writer {
  readonly mount: Mount;
  readonly device: WriterDevice;
  readonly journalDir: string;
}

/** Gone when the test ends. */
export function makeFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "headwater-test-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Uploads only when told to, unless an interval is given. */
export async function openWriter(
  world: World,
  options: Partial<WriteMountOptions> = {},
  deviceOptions: WriterDeviceFactoryOptions = {},
): Promise<Writer> {
  const factory = new WriterDeviceFactory(deviceOptions);
  const { store, path, url } = world;
  const journalDir = options.journalDir ?? makeFolder();
  const mount = await openMount(
    {
      name: "app.db",
      mode: "write",
      store,
      path,
      url,
      journalDir,
      syncIntervalMs: 3_600_000,
      cacheBytes: 1_000_000,
      lease: "off",
      ...options,
    },
    factory,
  );
  return { mount, device: factory.device, journalDir };
}

export function pagesOf(
  world: World,
  pgnos: readonly number[],
  mark: number,
): Map<number, Uint8Array> {
  return new Map(pgnos.map((pgno) => [pgno, world.content(pgno, mark)]));
}
