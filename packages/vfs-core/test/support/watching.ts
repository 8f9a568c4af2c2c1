/** An observer that keeps what it is told. */

import type { Observer, Seen, SeenChannel, SeenMessages } from "../../src/index.ts";

export class Watcher implements Observer {
  readonly all: Seen[] = [];
  readonly asked: SeenChannel[] = [];
  wanted: readonly SeenChannel[] | undefined;

  /** Undefined: of everything. */
  constructor(wanted?: readonly SeenChannel[]) {
    this.wanted = wanted;
  }

  wants(channel: SeenChannel): boolean {
    this.asked.push(channel);
    return this.wanted?.includes(channel) ?? true;
  }

  tell(seen: Seen): void {
    this.all.push(seen);
  }

  of<Channel extends SeenChannel>(channel: Channel): SeenMessages[Channel][] {
    return this.all
      .filter((seen) => seen.channel === channel)
      .map(({ message }) => message as SeenMessages[Channel]);
  }
}
