/**
 * How far the local image is, as something to iterate over.
 *
 * Always true: the first is how things are, each other one is newer, and those that nobody had time
 * to look at are left out. It ends with the image complete, or throws what keeps it from that.
 */

import type { HydrationStatus } from "@headwater/vfs-core";
import type { MountEventType } from "./event-listeners.ts";
import type { MountHandle, SignalOptions } from "./mount.ts";

type Followed = Pick<MountHandle, "hydrated" | "status" | "on" | "off">;

const TYPES = ["hydrating", "hydrated", "hydrationFailed"] as const satisfies MountEventType[];

export async function* followHydration(
  handle: Followed,
  { signal }: SignalOptions = {},
): AsyncGenerator<HydrationStatus, void, undefined> {
  const end = new AbortController();
  const signals = signal === undefined ? [] : [signal];
  let isOver = false;
  const over = handle.hydrated({ signal: AbortSignal.any([...signals, end.signal]) }).then(() => {
    isOver = true;
  });
  over.catch(() => {});
  let ring = () => {};
  const listener = () => ring();
  for (const type of TYPES) handle.on(type, listener);
  try {
    while (!isOver) {
      const changed = new Promise<void>((resolve) => {
        ring = resolve;
      });
      const { hydration } = await handle.status();
      if (hydration !== undefined) yield hydration;
      if (hydration?.done === true) return;
      await Promise.race([over, changed]);
    }
    const { hydration } = await handle.status();
    if (hydration !== undefined) yield hydration;
  } finally {
    // A call under way keeps the process alive, also when nobody waits for what it tells any more.
    end.abort();
    for (const type of TYPES) handle.off(type, listener);
  }
}
