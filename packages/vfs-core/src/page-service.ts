/**
 * The parts that turn a page map into pages, put together for one mount.
 */

import { MountState } from "./mount-state.ts";
import type { PageDevice } from "./page-device.ts";
import type { PageMap } from "./page-map.ts";
import type { Hedger } from "./read/hedger.ts";
import { PageFetcher } from "./read/page-fetcher.ts";
import { PageReader, type PageReaderOptions } from "./read/page-reader.ts";
import { ReadAhead } from "./read/read-ahead.ts";
import { Replanner } from "./read/replanner.ts";
import type { RequestQueue } from "./read/request-queue.ts";
import { WarmUp } from "./read/warm-up.ts";
import type { Replica } from "./replica.ts";

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
  readonly onCompacted: () => void;
  /** Ends everything that is under way. */
  readonly signal: AbortSignal;
}

export interface PageService {
  readonly state: MountState;
  readonly fetcher: PageFetcher;
  readonly reader: PageReader;
  /** Undefined when it is off. */
  readonly warmUp: WarmUp | undefined;
}

export function makePageService(options: PageServiceOptions): PageService {
  const { replica, device, queue, hedger, signal, map, pageSize, cacheBytes } = options;
  const { absentPages, onCompacted } = options;
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
  const readAhead = new ReadAhead({ state, fetcher, clock: replica.clock, signal });
  const replanner = new Replanner({ replica, state, queue, signal, onCompacted });
  const reader = new PageReader({ replica, state, fetcher, readAhead, replanner, absentPages });
  const warmUp = options.warmUp ? new WarmUp({ state, fetcher, signal }) : undefined;
  return { state, fetcher, reader, warmUp };
}
