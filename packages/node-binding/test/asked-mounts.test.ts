/**
 * Mounts that are made for whoever opens a name: who shares one, when it ends, what is waited for.
 */

import { HeadwaterError } from "@headwater/vfs-core";
import { describe, expect, it } from "vitest";
import { AskedMounts, type OpenedMount } from "../src/engine/asked-mounts.ts";
import type { EngineMountOptions } from "../src/engine/engine-mount-options.ts";
import { SQLITE_CANTOPEN, SQLITE_OK } from "../src/protocol.ts";
import { eventually } from "./support/eventually.ts";

const NOT_FOUND = new HeadwaterError("REPLICA_NOT_FOUND", "there is no database here");

/** The engine and the page device, as far as they matter here. */
class World {
  readonly answers = new Map<number, readonly [result: number, message: string | undefined]>();
  readonly arrived: number[] = [];
  readonly closed: string[] = [];
  readonly mountedWith: EngineMountOptions[] = [];
  readonly files = new Map<number, number>();
  readonly asked: AskedMounts;
  /** Makes a mount, or does not. */
  onMount: (options: EngineMountOptions, signal: AbortSignal) => Promise<void> = async () => {};
  onClose: () => Promise<void> = async () => {};
  isWaiting = true;
  #texts = new Map<number, string>();
  #lastNumber = 0;

  constructor(replicaWaitMs = 10_000) {
    this.asked = new AskedMounts({
      native: {
        askText: (ticket) => this.#texts.get(ticket),
        askArrive: (_ticket, mount) => {
          this.arrived.push(mount);
          if (this.isWaiting) this.files.set(mount, (this.files.get(mount) ?? 0) + 1);
          return this.isWaiting;
        },
        answer: (id, result, _page, message) => void this.answers.set(id, [result, message]),
        mountState: (mount) => ({ files: this.files.get(mount) ?? 0 }) as never,
      },
      env: () => ({ LITESTREAM_LOG_LEVEL: "ERROR", LITESTREAM_LOG_FILE: "/dev/null" }),
      clock: { nowMs: () => 0 },
      replicaWaitMs,
      mount: async (options, _onEvent, signal): Promise<OpenedMount> => {
        this.mountedWith.push(options);
        await this.onMount(options, signal);
        this.#lastNumber += 1;
        return { name: `${options.name}#${this.#lastNumber}`, number: this.#lastNumber };
      },
      isOpen: (name) => !this.closed.includes(name),
      isWriting: () => false,
      close: async (name) => {
        await this.onClose();
        this.closed.push(name);
      },
    });
  }

  /** The request has the number of its ticket. */
  open(ticket: number, parameters: Readonly<Record<string, string>>): Promise<void> {
    const pairs = Object.entries({ replica_url: "s3://b/app.db", ...parameters });
    this.#texts.set(ticket, pairs.map(([name, value]) => `${name}\0${value}\0`).join(""));
    return this.asked.open(ticket, ticket);
  }

  leave(mount: number): Promise<void> {
    this.files.set(mount, (this.files.get(mount) ?? 1) - 1);
    return this.asked.leave(mount);
  }
}

describe("connections that ask for the same", () => {
  it("share a mount, also while it is being opened; others have one of their own", async () => {
    const world = new World();
    await Promise.all([
      world.open(1, { poll_interval: "1s" }),
      world.open(2, { poll_interval: "1000ms", write_enabled: "false" }),
      world.open(3, { poll_interval: "2s" }),
    ]);
    expect(world.arrived).toEqual([1, 1, 2]);
    expect([...world.answers.values()]).toEqual(Array(3).fill([SQLITE_OK, undefined]));
    expect(world.mountedWith.map(({ pollIntervalMs }) => pollIntervalMs)).toEqual([1000, 2000]);
  });

  it("all hear of a failure, and the next one tries again", async () => {
    const world = new World();
    world.onMount = () => Promise.reject(new HeadwaterError("STORE_FORBIDDEN", "no right to it"));
    await Promise.all([world.open(1, {}), world.open(2, {})]);
    expect([...world.answers.values()]).toEqual(Array(2).fill([SQLITE_CANTOPEN, "no right to it"]));
    world.onMount = async () => {};
    await world.open(3, {});
    expect(world.answers.get(3)).toEqual([SQLITE_OK, undefined]);
  });
});

describe("a mount that was asked for", () => {
  it("ends with its last connection, and not before", async () => {
    const world = new World();
    await world.open(1, {});
    await world.open(2, {});
    await world.leave(1);
    expect(world.closed).toEqual([]);
    await world.leave(1);
    expect(world.closed).toEqual(["litestream:app.db#1"]);
    expect(world.asked.has(1)).toBe(false);
  });

  it("ends when nobody waits for it any more", async () => {
    const world = new World();
    world.isWaiting = false;
    await world.open(1, {});
    await eventually("the end", () => (world.closed.length > 0 ? true : undefined));
  });

  it("lets whoever asks while it ends wait for the next one", async () => {
    const world = new World();
    let end = () => {};
    world.onClose = () => new Promise((resolve) => (end = resolve));
    await world.open(1, {});
    const left = world.leave(1);
    const again = world.open(2, {});
    expect(world.mountedWith).toHaveLength(1);
    end();
    await Promise.all([left, again]);
    expect(world.arrived).toEqual([1, 2]);
    expect(world.closed).toEqual(["litestream:app.db#1"]);
  });

  it("of a writer that ends keeps the next one waiting, whatever its settings are", async () => {
    const world = new World();
    let end = () => {};
    world.onClose = () => new Promise((resolve) => (end = resolve));
    await world.open(1, { write_enabled: "1" });
    const left = world.leave(1);
    const next = world.open(2, { write_enabled: "1", sync_interval: "5s" });
    expect(world.mountedWith).toHaveLength(1);
    end();
    await Promise.all([left, next]);
    expect(world.answers.get(2)).toEqual([SQLITE_OK, undefined]);
  });

  it("is made anew when somebody else has closed it", async () => {
    const world = new World();
    await world.open(1, {});
    world.closed.push("litestream:app.db#1");
    await world.open(2, {});
    expect(world.arrived).toEqual([1, 2]);
    await world.leave(1);
    expect(world.closed).toHaveLength(1);
  });

  it("is forgotten when its end fails", async () => {
    const world = new World();
    world.onClose = () => Promise.reject(new Error("the store is away"));
    await world.open(1, {});
    await world.leave(1);
    await world.open(2, {});
    expect(world.arrived).toEqual([1, 2]);
  });
});

describe("a reader of what is not there", () => {
  it("waits for it", async () => {
    const world = new World();
    world.onMount = async ({ waitForReplica }) => {
      if (!waitForReplica) throw NOT_FOUND;
    };
    await world.open(1, {});
    expect(world.answers.get(1)).toEqual([SQLITE_OK, undefined]);
  });

  it("hears after a while that nothing has come", async () => {
    const world = new World(1);
    world.onMount = async ({ waitForReplica }, signal) => {
      if (!waitForReplica) throw NOT_FOUND;
      await new Promise((_resolve, reject) => {
        signal.addEventListener("abort", () => reject(signal.reason));
      });
    };
    await world.open(1, {});
    expect(world.answers.get(1)).toEqual([SQLITE_CANTOPEN, NOT_FOUND.message]);
  });

  it("begins it in write mode, and waits for nothing", async () => {
    const world = new World();
    await world.open(1, { write_enabled: "true", buffer_path: "/data/buffer.db" });
    const [options] = world.mountedWith;
    expect(options).toMatchObject({ mode: "write", waitForReplica: false, mustExist: false });
    expect(options?.journalDir).toMatch(/^\/data\/buffer\.db-app\.db-[0-9a-f]{16}$/);
  });
});
