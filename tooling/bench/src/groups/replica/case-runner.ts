/**
 * Runs one case for every contender, each repetition in a child process of its own.
 */

import { copyFileSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { BenchRun } from "../../bench-run.ts";
import type { Dataset } from "../../dataset/dataset.ts";
import { makeMeasurement, type RequestTally } from "../../measurement.ts";
import { formatValue } from "../../report/units.ts";
import { median } from "../../statistics.ts";
import { type ChildResult, runChild } from "./child-process.ts";
import { type Contender, contendersOf } from "./contenders.ts";
import { presignedUrl } from "./presigned-url.ts";
import type { ProxiedStore } from "./proxied-store.ts";
import type { ReplicaCase, Spot } from "./replica-case.ts";
import {
  copyReplica,
  makeReplica,
  type Replica,
  type ReplicaShape,
  removeReplica,
} from "./replicas.ts";

interface Place {
  readonly case: ReplicaCase;
  readonly contender: Contender;
  readonly dataset: Dataset;
  readonly original: Replica;
  readonly latencyMs: number;
}

const SEED = 7;
/** Of a case that has more of them. */
const BRIEF_FILES_MAX = 120;
const BRIEF_PADDED_MB = 40;

export class CaseRunner {
  readonly #run: BenchRun;
  readonly #store: ProxiedStore;
  readonly #replicas = new Map<string, Replica>();

  constructor(run: BenchRun, store: ProxiedStore) {
    this.#run = run;
    this.#store = store;
  }

  async runCase(wanted: ReplicaCase, spots: readonly Spot[]): Promise<void> {
    const places: Place[] = [];
    for (const { sizeMb, latencyMs } of spots) {
      const dataset = this.#run.dataset(sizeMb);
      const original = await this.#replicaOf(dataset, this.#shapeOf(wanted));
      for (const contender of contendersOf(wanted.contenders)) {
        if (!this.#run.wantsContender(contender.id)) continue;
        const reason = wanted.omit?.(contender, sizeMb);
        const place = { case: wanted, contender, dataset, original, latencyMs };
        if (reason === undefined) places.push(place);
        else this.#omit(place, reason);
      }
    }
    await this.#runRounds(wanted, places);
  }

  #shapeOf({ levelZeroFiles = 0, paddedToMb }: ReplicaCase): ReplicaShape {
    const { brief } = this.#run.options;
    if (!brief) return { levelZeroFiles, paddedToMb };
    return {
      levelZeroFiles: Math.min(levelZeroFiles, BRIEF_FILES_MAX),
      paddedToMb: paddedToMb && BRIEF_PADDED_MB,
    };
  }

  /** Put into the store when it is first asked for. */
  async #replicaOf(dataset: Dataset, shape: ReplicaShape): Promise<Replica> {
    const name = `${dataset.sizeMb} MB, ${JSON.stringify(shape)}`;
    const known = this.#replicas.get(name);
    if (known !== undefined) return known;
    const replica = await makeReplica(this.#store, dataset, shape);
    this.#replicas.set(name, replica);
    return replica;
  }

  /**
   * All contenders and spots in turn, again and again: what disturbs the machine disturbs them
   * alike.
   */
  async #runRounds(wanted: ReplicaCase, places: readonly Place[]): Promise<void> {
    const results = new Map<Place, ChildResult[]>(places.map((place) => [place, []]));
    const { brief, repeat } = this.#run.options;
    const rounds = repeat ?? (brief ? 1 : wanted.repeat);
    for (let round = brief ? 0 : -wanted.warmUps; round < rounds; round += 1) {
      for (const [place, found] of results) {
        const isOnce = wanted.once?.(place.contender) === true;
        if (isOnce && round !== 0) continue;
        try {
          const result = await this.#runOnce(place, SEED + round);
          if (round >= 0) found.push(result);
        } catch (error) {
          this.#run.signal.throwIfAborted();
          // A contender that cannot do it is a result too; the others go on.
          const reason = error instanceof Error ? error.message : String(error);
          this.#run.progress(reason);
          this.#omit(place, `failed: ${firstLine(reason)}`);
          results.delete(place);
        }
      }
    }
    for (const [place, found] of results) this.#record(place, found);
  }

  #record(place: Place, results: readonly ChildResult[]): void {
    const { case: wanted, contender, dataset, latencyMs } = place;
    const { sizeMb } = dataset;
    const requests = contender.kind === "plain" ? undefined : middleTally(results);
    for (const [measure, shown] of Object.entries(wanted.measures)) {
      const samples = results.flatMap((result) => result.samples[measure] ?? []);
      if (samples.length === 0) continue;
      const facts = {
        group: "replica",
        case: wanted.name,
        measure,
        unit: wanted.units?.[measure] ?? "ms",
        contender: contender.name,
        driver: contender.driver,
        sizeMb,
        latencyMs,
        requests,
        shown,
      } as const;
      const measurement = makeMeasurement(facts, samples);
      this.#run.record(measurement);
      if (shown) {
        const what = `${contender.name} (${contender.driver}), ${wanted.name}, ${measure}`;
        const value = formatValue(measurement.summary.median, measurement.unit);
        this.#run.progress(`${sizeMb} MB, ${latencyMs} ms: ${what}: ${value}`);
      }
    }
  }

  async #runOnce(place: Place, seed: number): Promise<ChildResult> {
    const { case: wanted, contender, original, latencyMs } = place;
    const folder = join(this.#run.folder, "child");
    mkdirSync(folder);
    const hasWriter = wanted.mode === "write" || wanted.hasWriter === true;
    const needsCopy = hasWriter && contender.kind !== "plain";
    const replica = needsCopy ? await copyReplica(this.#store, original) : original;
    const resetLine = () => this.#store.reset(latencyMs, wanted.uploadBytesPerSecond);
    try {
      if (wanted.prepares) await this.#store.reset(0);
      else await resetLine();
      return await runChild({
        job: { ...this.#job(place, replica, folder), seed, folder },
        env: this.#environment(place, replica, folder),
        source: this.#run.options.source,
        signal: this.#run.signal,
        onPrepared: resetLine,
        tally: () => this.#store.tally(),
      });
    } finally {
      if (needsCopy) await removeReplica(this.#store, replica);
      rmSync(folder, { recursive: true, force: true });
    }
  }

  #job({ case: wanted, contender, dataset }: Place, replica: Replica, folder: string) {
    const { server, endpoint } = this.#store;
    const signed = { ...server, endpoint, now: new Date() };
    const { customerCount, orderCount, scanSum, scanTableSum, bytes } = dataset;
    return {
      caseName: wanted.name,
      contender,
      mode: wanted.mode,
      hydrate: wanted.hydrate,
      cacheBytes: wanted.cacheBytes,
      brief: this.#run.options.brief,
      replicaUrl: this.#store.url(replica.path),
      file: plainFile(dataset, contender, wanted.mode === "write" ? folder : undefined),
      objectUrl: presignedUrl({ ...signed, method: "GET", key: replica.snapshotKey }),
      objectBytes: replica.snapshotBytes,
      putUrl: presignedUrl({ ...signed, method: "PUT", key: `${replica.path}/bare` }),
      customerCount,
      orderCount,
      scanSum,
      scanTableSum,
      databaseBytes: bytes,
    };
  }

  /** Nothing of the caller's settings may change what is measured. */
  #environment({ case: wanted, contender }: Place, replica: Replica, folder: string) {
    const base = { PATH: process.env.PATH ?? "", HOME: folder, ...this.#store.credentials };
    if (contender.kind !== "litestream") return base;
    return {
      ...base,
      LITESTREAM_REPLICA_URL: this.#store.url(replica.path),
      LITESTREAM_LOG_FILE: join(folder, "litestream.log"),
      ...(wanted.hydrate ? { LITESTREAM_HYDRATION_ENABLED: "true" } : {}),
      ...(wanted.mode === "write" ? { LITESTREAM_WRITE_ENABLED: "true" } : {}),
    };
  }

  #omit({ case: wanted, contender, dataset, latencyMs }: Place, reason: string): void {
    this.#run.omit({
      group: "replica",
      case: wanted.name,
      contender: `${contender.name} (${contender.driver})`,
      sizeMb: dataset.sizeMb,
      latencyMs,
      reason,
    });
  }
}

/** Whoever writes gets a copy. */
function plainFile(dataset: Dataset, contender: Contender, copyTo: string | undefined): string {
  const file = contender.wal ? dataset.walFile : dataset.file;
  if (copyTo === undefined || contender.kind !== "plain") return file;
  const copy = join(copyTo, "copy.db");
  copyFileSync(file, copy);
  return copy;
}

/** That of the run with the median number of requests. */
function middleTally(results: readonly ChildResult[]): RequestTally | undefined {
  const wanted = median(results.map(({ requests }) => requests.total));
  return [...results]
    .map(({ requests }) => requests)
    .sort((a, b) => Math.abs(a.total - wanted) - Math.abs(b.total - wanted))[0];
}

function firstLine(text: string): string {
  return text.split("\n")[0] ?? text;
}
