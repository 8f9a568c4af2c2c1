/**
 * The parts that turn a page map into pages, put together for one mount.
 */

import { MountState } from "./mount-state.ts";
import type { PageDevice } from "./page-device.ts";
import type { PageMap } from "./page-map.ts";
import type { Hedger } from "./read/hedger.ts";
import { PageFetcher } from "./read/page-fetcher.ts";
import { PageOrder } from "./read/page-order.ts";
import { PageReader, type PageReaderOptions } from "./read/page-reader.ts";
import { ReadAhead } from "./read/read-ahead.ts";
import { Replanner, type ReplannerOptions } from "./read/replanner.ts";
import type { RequestQueue } from "./read/request-queue.ts";
import { WarmUp } from "./read/warm-up.ts";
import { forPurpose, type Replica } from "./replica.ts";

export interface PageServiceOptions {
  readonly replica: Replica;
  readonly device: PageDevice;
  readonly queue: RequestQueue;
  readonly hedger: Hedger | undefined;
  readonly map: PageMap;
  readonly pageSize: number;
  readonly cacheBytes: number;
  readonly warmUp: boolean;
  readonly absentPages: PageReaderOptions["absentPages"];
  /** A file that readers need was compacted away. */
  readonly onCompacted: ReplannerOptions["onCompacted"];
  readonly isHistoryThere?: ReplannerOptions["isHistoryThere"];
  /** Ends everything that is under way. */
  readonly signal: AbortSignal;
}

export interface PageService {
  readonly state: MountState;
  readonly fetcher: PageFetcher;
  readonly replanner: Replanner;
  readonly reader: PageReader;
  /** Undefined when it is off. */
  readonly warmUp: WarmUp | undefined;
}

export function makePageService(options: PageServiceOptions): PageService {
  const { replica, device, queue, hedger, signal, map, pageSize, cacheBytes } = options;
  const { absentPages, onCompacted, isHistoryThere } = options;
  const state = new MountState({ device, map, pageSize, cacheBytes });
  const fetcher = new PageFetcher({
    replica,
    queue,
    hedger,
    signal,
    clock: replica.clock,
    pageSize: () => state.pageSize,
    onWholeFile: (file, body) => reader.keepWholeFile(file, body),
  });
  const order = new PageOrder();
  state.onAdoption((stale) => order.forget(stale));
  const readAhead = new ReadAhead({ state, fetcher, order, clock: replica.clock, signal });
  // Somebody waits for a page that is not where it was.
  const searching = replica.purpose === undefined ? forPurpose(replica, "miss") : replica;
  const replanning = { replica: searching, state, queue, signal, onCompacted, isHistoryThere };
  const replanner = new Replanner(replanning);
  const reader = new PageReader({ replica, state, fetcher, readAhead, replanner, absentPages });
  const warmUp = options.warmUp
    ? new WarmUp({ state, fetcher, order, clock: replica.clock, signal })
    : undefined;
  return { state, fetcher, replanner, reader, warmUp };
}
