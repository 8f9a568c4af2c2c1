/**
 * Once per Vitest run: a broker that starts real servers when tests ask for them.
 */

import type { TestProject } from "vitest/node";
import { type Broker, startBroker } from "./src/broker.ts";
import type {} from "./src/provided-context.ts";

let broker: Broker | undefined;

export async function setup(project: TestProject): Promise<void> {
  broker = await startBroker();
  project.provide("headwaterServers", broker.url);
}

export async function teardown(): Promise<void> {
  for (const line of (await broker?.stop()) ?? []) process.stderr.write(`${line}\n`);
}
