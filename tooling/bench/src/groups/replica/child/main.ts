/**
 * One contender doing one case once, in a process of its own: `main.ts JOB_AS_JSON`.
 *
 * Nothing that a contender needs is loaded before the clock starts: not here, and not by the cases,
 * which import what they can only when they run.
 */

import type { Job, ToChild, ToParent } from "../job.ts";
import type { ReplicaCase, Work } from "../replica-case.ts";
import type { Session } from "./session.ts";

const job = JSON.parse(process.argv[2] ?? "") as Job;
const { measure } = await loadCase(job.caseName);
const startedAt = performance.now();
let session: Session | undefined;

const work: Work = {
  job,
  startedAt,
  async open(changes) {
    session = await openSession({ ...job, ...changes });
    return session;
  },
  async close() {
    const closing = session;
    session = undefined;
    await closing?.close();
  },
  prepared: async () => void (await tell({ type: "prepared" })),
  requests: async () => (await tell({ type: "count" })).requests,
};

try {
  await tell({ type: "measured", samples: await measure(work) });
  await work.close();
} catch (error) {
  const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
  await tell({ type: "failed", message });
  process.exitCode = 1;
}
process.disconnect();

async function openSession(job: Job): Promise<Session> {
  switch (job.contender.kind) {
    case "headwater":
      return (await import("./open-headwater.ts")).openHeadwater(job);
    case "litestream":
      return (await import("./open-litestream.ts")).openLitestream(job);
    case "plain":
      return (await import("./open-plain.ts")).openPlain(job);
    case "wire":
      throw new TypeError("bare requests have no SQL");
  }
}

/** Says it to the parent and waits until it answers. */
function tell(message: ToParent): Promise<ToChild> {
  return new Promise((resolve) => {
    process.once("message", (answer: ToChild) => resolve(answer));
    process.send?.(message);
  });
}

async function loadCase(name: string): Promise<ReplicaCase> {
  const module = (await import(`../cases/${name}.ts`)) as Readonly<Record<string, ReplicaCase>>;
  const found = Object.values(module).find((value) => value.name === name);
  if (found === undefined) throw new TypeError(`cases/${name}.ts exports no case "${name}"`);
  return found;
}
