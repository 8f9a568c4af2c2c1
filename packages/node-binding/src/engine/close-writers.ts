/**
 * Closes the mounts that write, or are about to, when the process ends, and puts into words what
 * stays behind.
 */

import type { Mount } from "@headwater/vfs-core";
import type { EngineMountOptions } from "./engine-mount-options.ts";
import { ExitGate } from "./exit-gate.ts";

export interface Writer {
  /** Undefined while it is being opened. */
  readonly mount: Mount | undefined;
  readonly options: EngineMountOptions;
  readonly close: () => Promise<void>;
}

export async function closeWriters(
  writers: readonly Writer[],
  buffer: SharedArrayBuffer,
): Promise<void> {
  const gate = new ExitGate(buffer);
  const limitMs = Math.max(0, ...writers.map(({ options }) => options.exitTimeoutMs));
  gate.hear(
    limitMs,
    writers.flatMap((writer) => describePending(writer, "time was up")),
  );
  const sentences = await Promise.all(writers.map(closeOne));
  gate.finish(sentences.flat());
}

async function closeOne(writer: Writer): Promise<readonly string[]> {
  try {
    await writer.close();
    return [];
  } catch (error) {
    return describePending(writer, error instanceof Error ? error.message : String(error));
  }
}

function describePending({ mount, options }: Writer, reason: string): readonly string[] {
  const { committedSeq = 0, syncedSeq = 0 } = mount?.status().sync ?? {};
  const count = committedSeq - syncedSeq;
  if (count <= 0) return [];
  const commits = count === 1 ? "1 commit" : `${count} commits`;
  const where = `kept in ${options.journalDir} until "${options.name}" is opened to write again`;
  return [`${commits} could not be brought into the bucket (${reason}), and ${where}`];
}
