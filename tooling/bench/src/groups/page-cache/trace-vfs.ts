/**
 * The extension `trace_vfs.c`, compiled for this machine and loaded into node:sqlite.
 */

import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { ROOT } from "../../bench-run.ts";

const SOURCE = join(ROOT, "tooling", "bench", "native", "trace_vfs.c");
const HEADERS = join(ROOT, "packages", "node-binding", "native", "sqlite3");
const COMPILER = process.env.CC ?? "cc";

/** What reads pages while the pages that it reads are noted. */
export class TraceVfs implements Disposable {
  readonly #loader: DatabaseSync;

  /** The binary goes to the folder. Throws when there is no C compiler. */
  constructor(folder: string) {
    const library = join(folder, "trace_vfs.so");
    const args = ["-O2", "-fPIC", "-shared", `-I${HEADERS}`, SOURCE, "-o", library];
    const { status, stderr, error } = spawnSync(COMPILER, args, { encoding: "utf8" });
    if (status !== 0) throw new Error(`cannot compile ${SOURCE}: ${error?.message ?? stderr}`);
    this.#loader = new DatabaseSync(":memory:", { allowExtension: true });
    this.#loader.loadExtension(library);
  }

  /** A connection that is traced. Its owner closes it. */
  open(file: string): DatabaseSync {
    return new DatabaseSync(`file:${file}?vfs=trace`);
  }

  /** The pages that were asked for since the last call, in order. */
  take(): Uint32Array {
    const { trace } = this.#loader.prepare("select page_trace() as trace").get() as {
      trace: Uint8Array;
    };
    return new Uint32Array(trace.slice().buffer);
  }

  [Symbol.dispose](): void {
    this.#loader.close();
  }
}
