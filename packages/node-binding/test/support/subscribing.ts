/** Subscriptions to the channels that end with the test. */

import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { onTestFinished } from "vitest";
import type { ChannelMessages } from "../../src/index.ts";

type Name = keyof ChannelMessages;

/** What comes of a channel from now on, of one mount. */
export function collect<Channel extends Name>(
  channel: Channel,
  mount: string,
): ChannelMessages[Channel][] {
  const got: ChannelMessages[Channel][] = [];
  const onMessage = (message: unknown): void => {
    const told = message as ChannelMessages[Channel];
    if (told.mount === mount) got.push(told);
  };
  subscribe(channel, onMessage);
  onTestFinished(() => void unsubscribe(channel, onMessage));
  return got;
}
