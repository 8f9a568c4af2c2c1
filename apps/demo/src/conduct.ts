/**
 * The order of events: who starts when, what is compared, what is shown.
 */

import { DemoError } from "./demo-error.ts";
import type { DemoPlace } from "./demo-place.ts";
import type { StepReport } from "./role-messages.ts";
import { RoleProcess } from "./role-process.ts";
import type { Screen } from "./screen.ts";

export async function conduct(
  place: DemoPlace,
  screen: Screen,
  signal: AbortSignal,
): Promise<void> {
  const { url, folder } = place;
  const start = (name: "writer" | "reader" | "hydrator") =>
    new RoleProcess(name, { url, folder }, signal);

  screen.heading("1. A process starts with nothing and writes");
  const writer = start("writer");
  screen.step("creates a database", await writer.step());
  place.mayHoldData = true;
  const written = await writer.step();
  screen.step(`writes ${rows(written)} in 10 transactions`, written);
  screen.step("flushes them to the store", await writer.step());

  screen.heading("2. A fresh process opens a read replica");
  const reader = start("reader");
  screen.step("opens it", await reader.step());
  const read = await reader.step();
  expectSame(written, read, "reader");
  screen.step(`reads ${rows(read)}, the same ones`, read);
  writer.continue();
  const [writtenMore, followed] = await Promise.all([writer.step(), reader.step()]);
  expectSame(writtenMore, followed, "reader");
  screen.step(`follows ${followed.count} new transactions, each seen after`, followed);
  await reader.end();
  await writer.end();

  screen.heading("3. Another fresh process makes a local copy while it reads");
  const hydrator = start("hydrator");
  const hydrated = await hydrator.step();
  screen.step(`opens it and hydrates ${hydrated.count} pages`, hydrated);
  const readAgain = await hydrator.step();
  expectSame(writtenMore, readAgain, "hydrated reader");
  screen.step(`reads ${rows(readAgain)}, the same ones`, readAgain);
  const points = await hydrator.step();
  screen.step(`reads ${points.count.toLocaleString("en")} single rows, each in`, points);
  await hydrator.end();
}

function rows({ count }: StepReport): string {
  return `${count.toLocaleString("en")} rows`;
}

function expectSame(written: StepReport, read: StepReport, who: string): void {
  if (written.digest === read.digest) return;
  throw new DemoError(`The ${who} saw other rows than the writer had written: this is a bug.`);
}
