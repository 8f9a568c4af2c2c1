/**
 * Who wants to hear of the events of one mount, on one thread.
 *
 * What happens before `begin` is told then: so whoever is given a mount hears, by listeners added
 * at once, also of what happened while it was being opened.
 */

import { EventEmitter } from "node:events";
import type { MountEvent } from "@headwater/vfs-core";

export type MountEventType = MountEvent["type"];

export type MountEventListener<Type extends MountEventType> = (
  event: MountEvent & { readonly type: Type },
) => void;

export class EventListeners {
  readonly #emitter = new EventEmitter();
  /** Undefined once it has begun. */
  #held: MountEvent[] | undefined = [];

  constructor() {
    // Whoever follows hydration listens: many at a time are no leak to be warned of.
    this.#emitter.setMaxListeners(0);
  }

  add<Type extends MountEventType>(type: Type, listener: MountEventListener<Type>): void {
    this.#emitter.on(type, listener);
  }

  remove<Type extends MountEventType>(type: Type, listener: MountEventListener<Type>): void {
    this.#emitter.off(type, listener);
  }

  tell(event: MountEvent): void {
    if (this.#held === undefined) this.#emitter.emit(event.type, event);
    else this.#held.push(event);
  }

  begin(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    // Each by itself: a listener that throws must not keep the others from anybody.
    for (const event of held) queueMicrotask(() => this.tell(event));
  }
}
