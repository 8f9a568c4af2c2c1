/**
 * The contract of `ObjectStore` as tests: for every adapter, every wrapper, and others' stores.
 *
 * Cases are chosen by what the store says it supports. What it does not support it must refuse, and
 * that is a case as well: nothing is skipped.
 */

import { describe } from "vitest";
import type { ObjectStore } from "../object-store.ts";
import { conditionCases } from "./contract-conditions.ts";
import { lifecycleCases } from "./contract-lifecycle.ts";
import { listCases } from "./contract-lists.ts";
import { objectCases } from "./contract-objects.ts";
import { raceCases } from "./contract-races.ts";
import { streamCases } from "./contract-streams.ts";

export interface ObjectStoreContractOptions {
  readonly name: string;
  /** A store for one test, with nothing in it. The test closes it. */
  readonly open: () => Promise<ObjectStore>;
  /** Keys of the long listing; more than one page, so more than 1000. */
  readonly listKeyCount?: number | undefined;
  /** Bytes of the large body. */
  readonly bigBodySize?: number | undefined;
  /** Bytes of the body that comes in parts; more than one part, so more than 8 MiB. */
  readonly streamSize?: number | undefined;
  /** For slow servers. */
  readonly timeoutMs?: number | undefined;
}

/** The options, with every value filled in. */
export type ContractSettings = {
  readonly [Name in keyof ObjectStoreContractOptions]-?: NonNullable<
    ObjectStoreContractOptions[Name]
  >;
};

export function objectStoreContract(options: ObjectStoreContractOptions): void {
  const settings: ContractSettings = {
    name: options.name,
    open: options.open,
    listKeyCount: options.listKeyCount ?? 1_100,
    bigBodySize: options.bigBodySize ?? 5 * 1024 * 1024,
    streamSize: options.streamSize ?? 12 * 1024 * 1024 + 1,
    timeoutMs: options.timeoutMs ?? 60_000,
  };
  describe(`ObjectStore contract: ${settings.name}`, { timeout: settings.timeoutMs }, () => {
    objectCases(settings);
    conditionCases(settings);
    raceCases(settings);
    listCases(settings);
    lifecycleCases(settings);
    streamCases(settings);
  });
}
