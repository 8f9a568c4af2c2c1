/**
 * Mounts that nobody has made in advance: a connection that is being opened asks for one, by what
 * its file name and the environment say, and waits on its own thread.
 *
 * Always true:
 *   - Who asks is answered, with a mount that is open or with one sentence. Nothing about the
 *     settings is found wrong later.
 *   - Connections with the same settings share a mount; it ends with the last of them, after its
 *     uploads. Whoever asks meanwhile gets a new one when that is over.
 *   - One mount at the most writes to a replica: others for the same one must have its settings.
 */

import type { Clock, MountEvent } from "@headwater/vfs-core";
import { HeadwaterError, redactUrl } from "@headwater/vfs-core";
import { type MountSettings, toAskedOptions } from "../litestream/asked-options.ts";
import { type Log, logEvent, openLog } from "../litestream/event-log.ts";
import {
  invalid,
  parseParameters,
  placeOf,
  readSettings,
  SETTINGS,
  type SettingName,
  type Settings,
} from "../litestream/settings.ts";
import type { Native } from "../native.ts";
import { SQLITE_CANTOPEN, SQLITE_OK } from "../protocol.ts";
import type { EngineMountOptions } from "./engine-mount-options.ts";

/** How long a reader waits for the first backup. Litestream waits for ever. */
export const REPLICA_WAIT_MS = 30_000;

/** A mount that is open, and its number in native code. */
export interface OpenedMount {
  readonly name: string;
  readonly number: number;
}

export interface AskedMountsOptions {
  readonly native: Pick<Native, "askText" | "askArrive" | "answer" | "mountState">;
  readonly env: () => NodeJS.ProcessEnv;
  readonly clock: Pick<Clock, "nowMs">;
  readonly replicaWaitMs?: number | undefined;
  readonly mount: (
    options: EngineMountOptions,
    onEvent: (event: MountEvent) => void,
    signal: AbortSignal,
  ) => Promise<OpenedMount>;
  /** Whoever ends the process closes mounts, too. */
  readonly isOpen: (name: string) => boolean;
  readonly isWriting: (name: string) => boolean;
  readonly close: (name: string) => Promise<void>;
}

interface Asked {
  readonly settings: MountSettings;
  readonly log: Log;
  readonly opening: Promise<OpenedMount>;
  /** Once it is open. */
  opened: OpenedMount | undefined;
  /** Once it ends. Never rejects. */
  closing: Promise<void> | undefined;
}

export class AskedMounts {
  readonly #options: AskedMountsOptions;
  readonly #mounts = new Set<Asked>();

  constructor(options: AskedMountsOptions) {
    this.#options = options;
  }

  /** `request` is answered, whatever happens. */
  async open(request: number, ticket: number): Promise<void> {
    const { native } = this.#options;
    const text = native.askText(ticket);
    if (text === undefined) return;
    const parameters = parseParameters(text);
    try {
      const mount = await this.#mountFor(parameters);
      // Without another turn of the event loop, in which it might end.
      if (!native.askArrive(ticket, mount.number)) void this.leave(mount.number);
      native.answer(request, SQLITE_OK);
    } catch (error) {
      const message = messageOf(error);
      // SQLite has no words for a database that cannot be attached.
      this.#logOf(parameters)("ERROR", "cannot open", { error: message });
      native.answer(request, SQLITE_CANTOPEN, undefined, message);
    }
  }

  /** True when this mount was asked for; it ends if no connection is left. */
  has(number: number): boolean {
    return this.#withNumber(number) !== undefined;
  }

  /** Resolves when the mount has ended, or at once when somebody uses it. Never rejects. */
  async leave(number: number): Promise<void> {
    this.#forgetClosed();
    const asked = this.#withNumber(number);
    if (asked === undefined) return;
    if (asked.closing === undefined && this.#options.native.mountState(number).files > 0) return;
    asked.closing ??= this.#close(asked);
    await asked.closing;
  }

  #withNumber(number: number): Asked | undefined {
    return [...this.#mounts].find(({ opened }) => opened?.number === number);
  }

  /** The one that is wanted, or else the one of those who want nothing. */
  #logOf(parameters: ReadonlyMap<string, string>): Log {
    const { env, clock } = this.#options;
    try {
      return openLog(readSettings(parameters, env()), clock);
    } catch {
      return openLog({ logLevel: undefined, logFile: undefined }, clock);
    }
  }

  async #mountFor(parameters: ReadonlyMap<string, string>): Promise<OpenedMount> {
    const { env, clock } = this.#options;
    const all = readSettings(parameters, env());
    const log = openLog(all, clock);
    const settings = requireUrl(all);
    for (;;) {
      const asked = this.#find(settings) ?? this.#ask(settings, log, parameters);
      if (asked.closing === undefined) {
        const opened = await asked.opening;
        if (asked.closing === undefined) return opened;
      }
      await asked.closing;
    }
  }

  #forgetClosed(): void {
    for (const asked of this.#mounts) {
      const { opened, closing } = asked;
      if (opened === undefined || closing !== undefined) continue;
      if (!this.#options.isOpen(opened.name)) this.#mounts.delete(asked);
    }
  }

  #find(settings: MountSettings): Asked | undefined {
    this.#forgetClosed();
    const shared = [...this.#mounts].find((asked) => isSame(asked.settings, settings));
    if (shared !== undefined || !settings.writeEnabled) return shared;
    const writer = [...this.#mounts].find(
      (asked) => asked.settings.replicaUrl === settings.replicaUrl && this.#mayWrite(asked),
    );
    // Of one that ends, the end is to be waited for, and nothing else.
    if (writer === undefined || writer.closing !== undefined) return writer;
    const others = differences(writer.settings, settings);
    if (others.length === 0) return writer;
    throw invalid(
      `${redactUrl(settings.replicaUrl)} is open to write with another ${others.join(", ")}; ` +
        "connections that write to one replica share a mount, so give them the same",
    );
  }

  #mayWrite({ settings, opened, closing }: Asked): boolean {
    if (closing !== undefined) return true;
    return opened === undefined ? settings.writeEnabled : this.#options.isWriting(opened.name);
  }

  #ask(settings: MountSettings, log: Log, parameters: ReadonlyMap<string, string>): Asked {
    const opening = this.#mount(settings, log).then(
      (opened) => {
        asked.opened = opened;
        log("INFO", "opened", { replica: redactUrl(settings.replicaUrl) });
        return opened;
      },
      (error: unknown) => {
        this.#mounts.delete(asked);
        throw explain(error, settings, parameters);
      },
    );
    const asked: Asked = { settings, log, opening, opened: undefined, closing: undefined };
    this.#mounts.add(asked);
    return asked;
  }

  async #mount(settings: MountSettings, log: Log): Promise<OpenedMount> {
    const { env, mount, replicaWaitMs = REPLICA_WAIT_MS } = this.#options;
    const options = toAskedOptions(settings, env());
    const replica = redactUrl(settings.replicaUrl);
    const onEvent = (event: MountEvent) => logEvent(log, replica, event);
    try {
      return await mount(options, onEvent, new AbortController().signal);
    } catch (error) {
      if (options.mode === "write" || !HeadwaterError.is(error, "REPLICA_NOT_FOUND")) throw error;
      log("WARN", "no backup files available, waiting", { replica, waitMs: replicaWaitMs });
      const signal = AbortSignal.timeout(replicaWaitMs);
      return await mount({ ...options, waitForReplica: true }, onEvent, signal).catch((later) => {
        throw signal.aborted ? error : later;
      });
    }
  }

  async #close(asked: Asked): Promise<void> {
    const replica = redactUrl(asked.settings.replicaUrl);
    try {
      await this.#options.close((asked.opened as OpenedMount).name);
      asked.log("INFO", "closed", { replica });
    } catch (error) {
      asked.log("ERROR", "closed, and not everything is in the bucket", { replica, error });
    } finally {
      this.#mounts.delete(asked);
    }
  }
}

/** Complete, so that what is not said and what is the default are the same. */
function requireUrl({ logLevel: _level, logFile: _file, ...settings }: Settings): MountSettings {
  const { replicaUrl, writeEnabled = false, hydrationEnabled = false } = settings;
  if (replicaUrl !== undefined) {
    const hydrationPath = hydrationEnabled ? settings.hydrationPath : undefined;
    return { ...settings, replicaUrl, writeEnabled, hydrationEnabled, hydrationPath };
  }
  const { variable, parameter } = SETTINGS.replicaUrl;
  throw invalid(
    `nothing says where the replica is: set ${variable}, or add ${parameter} to the file name, ` +
      `as in file:app.db?vfs=litestream&${parameter}=s3://bucket/app.db`,
  );
}

const MOUNT_SETTINGS = (Object.keys(SETTINGS) as SettingName[]).filter(
  (name): name is keyof MountSettings => name !== "logLevel" && name !== "logFile",
);

function isSame(one: MountSettings, other: MountSettings): boolean {
  return MOUNT_SETTINGS.every((name) => one[name] === other[name]);
}

/** By the names that people know them by. What makes it a writer is no difference. */
function differences(one: MountSettings, other: MountSettings): string[] {
  return MOUNT_SETTINGS.filter((name) => name !== "writeEnabled" && one[name] !== other[name]).map(
    (name) => SETTINGS[name].parameter as string,
  );
}

/** What only opening finds out of a value makes it a wrong one, too. */
function explain(
  error: unknown,
  { bufferPath, hydrationPath }: MountSettings,
  parameters: ReadonlyMap<string, string>,
): unknown {
  if (!HeadwaterError.is(error)) return error;
  switch (error.code) {
    case "STORE_CONFIG_INVALID":
      return invalidAs(error, `${placeOf("replicaUrl", parameters)}: ${error.message}`);
    case "JOURNAL_INVALID":
      return explainPath(error, placeOf("bufferPath", parameters), bufferPath);
    case "IMAGE_FAILED":
      return explainPath(error, placeOf("hydrationPath", parameters), hydrationPath);
    default:
      return error;
  }
}

/** Paths that nobody gave are told as they are. */
function explainPath(error: HeadwaterError, place: string, path: string | undefined): unknown {
  if (path === undefined) return error;
  const allowed = "it must be a path where this user may make files";
  const value = JSON.stringify(path);
  return invalidAs(error, `${place} cannot be ${value}: ${allowed}; ${error.message}`);
}

function invalidAs(error: HeadwaterError, sentence: string): HeadwaterError {
  return new HeadwaterError(error.code, sentence, { cause: error });
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
