/**
 * Who wants to hear of the events of one mount, on one thread.
 */

import { EventEmitter } from "node:events";
import type { MountEvent } from "@headwater/vfs-core";

export type MountEventType = MountEvent["type"];

export type MountEventListener<Type extends MountEventType> = (
  event: MountEvent & { readonly type: Type },
) => void;

export class EventListeners {
  readonly #emitter = new EventEmitter();

  add<Type extends MountEventType>(type: Type, listener: MountEventListener<Type>): void {
    this.#emitter.on(type, listener);
  }

  remove<Type extends MountEventType>(type: Type, listener: MountEventListener<Type>): void {
    this.#emitter.off(type, listener);
  }

  tell(event: MountEvent): void {
    this.#emitter.emit(event.type, event);
  }
}
