/**
 * Pages out of the store: one request per page that is wanted at a time, however many want it, and
 * as few requests as the places of the wanted pages allow.
 *
 * Always true:
 *   - A page that is on its way is not asked for again; who comes later waits for the same answer.
 *   - Requests of one turn for frames near each other in one file become one range; a small file is
 *     fetched and verified whole the first time, and never again: whoever had no room for it then
 *     has none now.
 *   - A failure is told to all who waited, and is not remembered.
 *   - Who gives up waiting leaves behind nothing that another could join: the next one asks anew.
 *     The request ends with the last reader who waited for it; what came along with it for others
 *     they have to ask for again.
 *   - A page that somebody waits for is handed over before more than a few of the pages behind it
 *     are decoded.
 *
 * It keeps no pages, and does not know which version of a page is wanted.
 */

import { decodePageFrameInto, type Pgno, verifyLtx } from "@headwater/ltx";
import { untilAborted } from "@headwater/object-store";
import type { Clock } from "../clock.ts";
import { type Deferred, deferred } from "../deferred.ts";
import {
  COALESCE_GAP_BYTES,
  ENCODE_BATCH_BYTES,
  HAND_OVER_BYTES,
  RANGE_BYTES_MAX,
  READ_AHEAD_GAP_BYTES,
  READ_AHEAD_RANGE_BYTES_MIN,
  READ_AHEAD_RANGES,
  WHOLE_FILE_BYTES,
} from "../limits.ts";
import { explainDamage } from "../load-file.ts";
import { isSameFile, type LtxFile } from "../ltx-file.ts";
import type { PageLocation } from "../page-map.ts";
import { goneError, isObject, type Replica, replicaError } from "../replica.ts";
import { PURPOSE_OF, type Purpose } from "../seeing/purpose.ts";
import type { Hedger } from "./hedger.ts";
import { PRIORITIES, type Priority, type RequestQueue, type Ticket } from "./request-queue.ts";

export interface PageFetcherOptions {
  readonly replica: Replica;
  readonly queue: RequestQueue;
  readonly hedger: Hedger | undefined;
  readonly clock: Clock;
  readonly pageSize: () => number;
  /** Ends every request in flight. */
  readonly signal: AbortSignal;
  /** A file was fetched whole for the sake of some of its pages. */
  readonly onWholeFile: (file: LtxFile, body: Uint8Array) => void;
}

/** Gets a page for as long as the call takes: its bytes are another page's afterwards. */
export type UsePage = (page: Uint8Array, pgno: number, location: PageLocation) => void;

/** What is on its way of one object. */
interface FileFlights {
  /** Names one object, also when its key is given to another one. */
  readonly name: string;
  readonly serial: number;
  readonly byOffset: Map<number, Flight>;
}

interface Flight {
  readonly pgno: number;
  readonly location: PageLocation;
  readonly file: FileFlights;
  /** Undefined as long as nobody has asked for the page itself. */
  answer: Deferred<Uint8Array> | undefined;
  use: UsePage | undefined;
  ticket: Ticket;
  /** Undefined until it is sent. */
  batch: Batch | undefined;
  /** Those who wait for it until their signal aborts. */
  readerCount: number;
}

/** Frames that one request brings. */
interface Batch {
  readonly file: LtxFile;
  readonly isWhole: boolean;
  readonly flights: Flight[];
  readonly offset: number;
  endOffset: number;
  /** Ends the request. */
  readonly end: AbortController;
}

/** Of all pages that are prefetched, until they are sent. */
const PREFETCH: Ticket = Object.freeze({ priority: "prefetch" });

const RANK = Object.fromEntries(PRIORITIES.map((priority, rank) => [priority, rank])) as Readonly<
  Record<Priority, number>
>;

export class PageFetcher {
  readonly #options: PageFetcherOptions;
  /** By name. */
  readonly #files = new Map<string, FileFlights>();
  /** Most pages that are asked for one after another are of one file. */
  #last: { readonly file: LtxFile; readonly flights: FileFlights } | undefined;
  #fileCount = 0;
  #flightCount = 0;
  readonly #running = new Set<Batch>();
  readonly #hadWhole = new WeakSet<LtxFile>();
  #unsent: Flight[] = [];
  /** Of a page that nobody keeps. */
  #scratch = new Uint8Array(0);

  constructor(options: PageFetcherOptions) {
    this.#options = options;
    const { signal } = options;
    const endAll = () => {
      for (const { end } of this.#running) end.abort(signal.reason);
    };
    signal.addEventListener("abort", endAll, { once: true });
  }

  get inFlightCount(): number {
    return this.#flightCount;
  }

  isInFlight({ file, offset }: PageLocation): boolean {
    return this.#find(file)?.byOffset.has(offset) ?? false;
  }

  /**
   * The page whose frame lies there. The bytes are shared with others who asked: do not change
   * them. Rejects with the store's own error, with REPLICA_DAMAGED, or with a reader's reason to
   * give up.
   */
  fetch(
    pgno: number,
    location: PageLocation,
    priority: Priority,
    signal?: AbortSignal,
    purpose?: Purpose,
  ): Promise<Uint8Array> {
    const present = this.#find(location.file)?.byOffset.get(location.offset);
    if (present !== undefined && priority === "foreground") this.#promote(present);
    const flight = present ?? this.#begin(pgno, location, { priority, purpose });
    flight.answer ??= deferred();
    return signal === undefined ? flight.answer.promise : this.#wait(flight, flight.answer, signal);
  }

  /**
   * The same for nobody who waits. What is on its way is not asked for again; of failures nothing
   * is said, since whoever needs the page asks again and is told.
   */
  prefetch(pgno: number, location: PageLocation, use: UsePage): void {
    const present = this.#find(location.file)?.byOffset.get(location.offset);
    const flight = present ?? this.#begin(pgno, location, PREFETCH);
    flight.use ??= use;
  }

  #begin(pgno: number, location: PageLocation, ticket: Ticket): Flight {
    const file = this.#flightsOf(location.file);
    const flight: Flight = {
      pgno,
      location,
      file,
      answer: undefined,
      use: undefined,
      ticket,
      batch: undefined,
      readerCount: 0,
    };
    file.byOffset.set(location.offset, flight);
    this.#flightCount += 1;
    this.#unsent.push(flight);
    if (this.#unsent.length === 1) queueMicrotask(() => this.#send());
    return flight;
  }

  #find(file: LtxFile): FileFlights | undefined {
    if (this.#last?.file === file) return this.#last.flights;
    const flights = this.#files.get(fileName(file));
    if (flights !== undefined) this.#last = { file, flights };
    return flights;
  }

  #flightsOf(file: LtxFile): FileFlights {
    const present = this.#find(file);
    if (present !== undefined) return present;
    this.#fileCount += 1;
    const flights = { name: fileName(file), serial: this.#fileCount, byOffset: new Map() };
    this.#files.set(flights.name, flights);
    this.#last = { file, flights };
    return flights;
  }

  async #wait(
    flight: Flight,
    answer: Deferred<Uint8Array>,
    signal: AbortSignal,
  ): Promise<Uint8Array> {
    flight.readerCount += 1;
    try {
      return await untilAborted(answer.promise, signal);
    } finally {
      flight.readerCount -= 1;
      if (signal.aborted) this.#giveUp(flight, signal.reason);
    }
  }

  #giveUp(flight: Flight, reason: unknown): void {
    this.#forget(flight);
    const { batch } = flight;
    if (batch === undefined || batch.flights.some(({ readerCount }) => readerCount > 0)) return;
    for (const other of batch.flights) this.#forget(other);
    batch.end.abort(reason);
  }

  /** Nobody can join it any more. */
  #forget(flight: Flight): void {
    const { file, location } = flight;
    const { name, byOffset } = file;
    if (byOffset.get(location.offset) !== flight) return;
    byOffset.delete(location.offset);
    this.#flightCount -= 1;
    if (byOffset.size > 0) return;
    this.#files.delete(name);
    if (this.#last?.flights === file) this.#last = undefined;
  }

  #isWhole(file: LtxFile): boolean {
    return file.size <= WHOLE_FILE_BYTES && !this.#hadWhole.has(file);
  }

  #promote(flight: Flight): void {
    if (flight.batch !== undefined) this.#options.queue.promote(flight.ticket);
    else flight.ticket = { ...flight.ticket, priority: "foreground" };
  }

  #send(): void {
    const unsent = this.#unsent;
    this.#unsent = [];
    const isWhole = (file: LtxFile) => this.#isWhole(file);
    for (const batch of groupFlights(unsent, isWhole, this.#readAheadRangeBytes(unsent))) {
      if (batch.isWhole) this.#hadWhole.add(batch.file);
      const ticket: Ticket = { ...batch.flights[0]!.ticket };
      for (const flight of batch.flights) {
        flight.ticket = ticket;
        flight.batch = batch;
      }
      void this.#run(batch, ticket);
    }
  }

  /**
   * The most bytes of one request for pages that are read ahead: a share of all that is under way
   * then, so that there is always some that has come while the rest is still coming.
   */
  #readAheadRangeBytes(unsent: readonly Flight[]): number {
    let bytes = 0;
    for (const { location } of unsent) bytes += location.size;
    for (const { offset, endOffset } of this.#running) bytes += endOffset - offset;
    const share = bytes / READ_AHEAD_RANGES + COALESCE_GAP_BYTES;
    return Math.min(Math.max(share, READ_AHEAD_RANGE_BYTES_MIN), RANGE_BYTES_MAX);
  }

  async #run(batch: Batch, ticket: Ticket): Promise<void> {
    const { queue, signal } = this.#options;
    this.#running.add(batch);
    try {
      signal.throwIfAborted();
      const bytes = await queue.run(ticket, () => this.#hedge(batch), batch.end.signal);
      if (batch.isWhole) this.#verify(batch, bytes);
      await this.#land(batch, bytes);
      if (batch.isWhole) this.#options.onWholeFile(batch.file, bytes);
    } catch (error) {
      this.#hadWhole.delete(batch.file);
      for (const flight of batch.flights) {
        this.#forget(flight);
        flight.answer?.reject(error);
      }
    } finally {
      this.#running.delete(batch);
    }
  }

  #hedge(batch: Batch): Promise<Uint8Array> {
    const { hedger } = this.#options;
    const { file, isWhole, offset, endOffset, flights, end } = batch;
    if (hedger === undefined) return this.#get(batch, end.signal, false);
    let sentCount = 0;
    return hedger.run({
      bytes: isWhole ? file.size : endOffset - offset,
      priority: "foreground",
      send: (signal) => {
        sentCount += 1;
        return this.#get(batch, signal, sentCount > 1);
      },
      isWanted: () => flights.some(({ readerCount }) => readerCount > 0),
      signal: end.signal,
    });
  }

  async #get(
    { file, isWhole, offset, endOffset, flights }: Batch,
    signal: AbortSignal,
    hedged: boolean,
  ): Promise<Uint8Array> {
    const { replica } = this.#options;
    const { key } = file;
    const length = endOffset - offset;
    const range = isWhole ? undefined : { offset, length };
    const { priority, purpose = replica.purpose ?? PURPOSE_OF[priority] } = flights[0]!.ticket;
    const facts = { purpose, key, pages: flights.length, hedged };
    const { body, meta } = await replica.seeing.fetch(facts, (meter) =>
      replica.store.get(key, { range, signal, meter }),
    );
    const expected = range === undefined ? file.size : length;
    if (body.byteLength !== expected || !isObject(file, meta)) {
      throw goneError(replica, file, meta.size);
    }
    return body;
  }

  #verify({ file }: Batch, bytes: Uint8Array): void {
    try {
      verifyLtx(bytes);
    } catch (error) {
      throw explainDamage(this.#options.replica, file, error);
    }
  }

  /**
   * Decodes what has come, with pauses, so that other requests are answered in between. Who follows
   * the decoding page by page is made to wait for some pages at a time: each wait costs as much as
   * several pages.
   */
  async #land(batch: Batch, bytes: Uint8Array): Promise<void> {
    const start = batch.isWhole ? 0 : batch.offset;
    const pageSize = this.#options.pageSize();
    if (this.#scratch.byteLength !== pageSize) this.#scratch = new Uint8Array(pageSize);
    let decodedBytes = HAND_OVER_BYTES;
    let isAwaited = false;
    for (const flight of batch.flights) {
      isAwaited ||= flight.readerCount > 0;
      this.#decode(flight, bytes, start, pageSize);
      decodedBytes += pageSize;
      if (decodedBytes < (isAwaited ? HAND_OVER_BYTES : ENCODE_BATCH_BYTES)) continue;
      decodedBytes = 0;
      isAwaited = false;
      await this.#options.clock.yield();
    }
  }

  #decode(flight: Flight, bytes: Uint8Array, start: number, pageSize: number): void {
    const { pgno, location, answer, use } = flight;
    const { file, offset, size } = location;
    const page = answer === undefined ? this.#scratch : new Uint8Array(pageSize);
    this.#forget(flight);
    try {
      const frame = bytes.subarray(offset - start, offset - start + size);
      decodePageFrameInto(frame, page, { pgno: pgno as Pgno, at: offset });
    } catch (error) {
      const sentence = `page ${pgno} in ${file.key} is damaged: ${(error as Error).message}`;
      answer?.reject(replicaError(this.#options.replica, "REPLICA_DAMAGED", sentence, error));
      return;
    }
    use?.(page, pgno, location);
    answer?.resolve(page);
  }
}

/** Frames of one file and urgency, near each other, up to the size of one request. */
function groupFlights(
  flights: readonly Flight[],
  isWhole: (file: LtxFile) => boolean,
  readAheadRangeBytes: number,
): Batch[] {
  // What a poll brings is shown when all of it is there, so nothing is gained by parts.
  const rangeMax = ({ priority, purpose }: Ticket) =>
    priority === "prefetch" && purpose !== "poll" ? readAheadRangeBytes : RANGE_BYTES_MAX;
  const sorted = flights.toSorted(compareFlights);
  const batches: Batch[] = [];
  for (const flight of sorted) {
    const { file, offset, size } = flight.location;
    const last = batches.at(-1);
    const fits =
      last !== undefined &&
      isSameFile(last.file, file) &&
      (last.isWhole ||
        (last.flights[0]!.ticket.priority === flight.ticket.priority &&
          offset - last.endOffset <= gapMax(flight.ticket.priority) &&
          offset + size - last.offset <= rangeMax(flight.ticket)));
    if (fits) {
      last.flights.push(flight);
      last.endOffset = Math.max(last.endOffset, offset + size);
    } else {
      const batch = { file, isWhole: isWhole(file), flights: [flight], offset };
      batches.push({ ...batch, endOffset: offset + size, end: new AbortController() });
    }
  }
  return batches;
}

function gapMax(priority: Priority): number {
  return priority === "prefetch" ? READ_AHEAD_GAP_BYTES : COALESCE_GAP_BYTES;
}

/** By file, then the urgent ones first, then by place. */
function compareFlights(a: Flight, b: Flight): number {
  if (a.file !== b.file) return a.file.serial - b.file.serial;
  const [rankA, rankB] = [RANK[a.ticket.priority], RANK[b.ticket.priority]];
  return rankA - rankB || a.location.offset - b.location.offset;
}

function fileName({ key, version }: LtxFile): string {
  return version === undefined ? key : `${key}:${version}`;
}
