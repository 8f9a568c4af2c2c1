import { expect, it, vi } from "vitest";
import { start } from "./support/headwater.ts";
import { folders } from "./support/places.ts";
import { writeHistory } from "./support/writer.ts";

// Each command is a process of its own, and takes its time on a busy machine.
vi.setConfig({ testTimeout: 60_000 });

const ENDLESS = `with recursive n(i) as (select 1 union all select i + 1 from n)
  select count(*) from n`;

it.each([
  ["SIGINT", "a statement that goes on", ENDLESS, "SIGINT"],
  ["SIGTERM", "a statement that goes on", ENDLESS, "SIGTERM"],
  ["SIGINT", "input that does not end", "-", 130],
] as const)("%s ends a query that is busy with %s", async (signal, _, sql, end) => {
  const place = folders.make();
  await writeHistory(place);
  const child = start(["query", place.url, sql]);
  let hasEnded = false;
  const ended = new Promise<unknown>((resolve) => {
    child.on("close", (code, by) => {
      hasEnded = true;
      resolve(by ?? code);
    });
  });
  // Nobody sees from outside when it begins; one that comes earlier is heard as ever.
  await new Promise((resolve) => setTimeout(resolve, 3000));
  expect(hasEnded).toBe(false);
  child.kill(signal);
  expect(await ended).toBe(end);
});

it("a query waits for its statement", async () => {
  const place = folders.make();
  await writeHistory(place);
  const child = start(["query", "--json", place.url, "-"]);
  let shown = "";
  child.stdout?.setEncoding("utf8").on("data", (text: string) => {
    shown += text;
  });
  const ended = new Promise((resolve) => child.on("close", resolve));
  // Long after it has begun to read.
  setTimeout(() => child.stdin?.end("select 1 as one"), 3000);
  expect(await ended).toBe(0);
  expect(JSON.parse(shown)).toEqual([{ one: 1 }]);
});
