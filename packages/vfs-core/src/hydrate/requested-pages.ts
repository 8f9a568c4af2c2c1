/**
 * Pages that readers have asked for while hydration runs: they go into the image at once, before
 * their turn.
 *
 * Always true: no more wait here than one batch; what comes when there is no room is brought in its
 * turn. Nobody waits for this, and it fails with nobody.
 */

import { HYDRATE_BATCH_BYTES } from "../limits.ts";
import type { MountState } from "../mount-state.ts";
import type { PageLocation } from "../page-map.ts";
import type { ImagePages, LandedPage } from "./image-pages.ts";

export class RequestedPages {
  readonly #pages: ImagePages;
  readonly #state: MountState;
  #waiting = new Map<number, LandedPage>();
  #running: Promise<void> | undefined;

  constructor(pages: ImagePages, state: MountState) {
    this.#pages = pages;
    this.#state = state;
  }

  add(pgno: number, location: PageLocation, page: Uint8Array): void {
    if (this.#pages.isPresent(pgno)) return;
    if (this.#waiting.size * this.#state.pageSize >= HYDRATE_BATCH_BYTES) return;
    this.#waiting.set(pgno, { pgno, location, page });
    this.#running ??= this.#run();
  }

  /** Resolves when nothing is being written. */
  async end(): Promise<void> {
    this.#waiting.clear();
    await this.#running;
  }

  async #run(): Promise<void> {
    try {
      while (this.#waiting.size > 0) {
        const landed = [...this.#waiting.values()].sort((a, b) => a.pgno - b.pgno);
        this.#waiting = new Map();
        await this.#pages.writeGuests(landed);
      }
    } catch {
      // Hydration itself meets the same error, and tells of it.
    } finally {
      this.#running = undefined;
    }
  }
}
