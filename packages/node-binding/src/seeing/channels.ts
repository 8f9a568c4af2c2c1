/**
 * The channels of `node:diagnostics_channel` on which this thread is told of mounts.
 *
 * Always true: a message is on its way only while somebody on this thread has subscribed to its
 * channel. The engine looks at a word in shared memory before it makes one, and that word is set
 * within the call that subscribes. Node.js tells nobody of subscriptions, so `subscribe` of these
 * channels, which are one object each for everybody on the thread, sets it on its way. Should a
 * version of Node.js not come by there, the next call to the engine sets it.
 */

import { type Channel, channel } from "node:diagnostics_channel";
import { SEEN_CHANNELS, type Seen, type SeenChannel, type SeenMessages } from "@headwater/vfs-core";
import { bitOf } from "./channel-bit.ts";

/** What a channel is given. */
export type ChannelMessage<Name extends SeenChannel> = SeenMessages[Name] & {
  /** Of this channel and mount, right before this one, that were left out: the thread was busy. */
  readonly dropped: number;
};

export type ChannelMessages = {
  readonly [Name in SeenChannel as `headwater:${Name}`]: ChannelMessage<Name>;
};

/** What is told, and how many of its channel were left out before it. */
export type SeenAfter = Seen & { readonly dropped: number };

const channels = new Map<SeenChannel, Channel>(
  SEEN_CHANNELS.map((name) => [name, channel(`headwater:${name}`)]),
);

/** One bit for each channel that somebody on this thread has subscribed to. */
export const wanted = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT);
const words = new Int32Array(wanted);

/** Sets what is wanted by who has subscribed. */
export function lookForSubscribers(): void {
  let bits = 0;
  for (const [name, { hasSubscribers }] of channels) if (hasSubscribers) bits |= bitOf(name);
  Atomics.store(words, 0, bits);
}

export function publish({ channel: name, message, dropped }: SeenAfter): void {
  channels.get(name)?.publish({ ...message, dropped });
}

for (const each of channels.values()) lookAfterSubscribing(each);
lookForSubscribers();

function lookAfterSubscribing(each: Channel): void {
  const subscribe: Channel["subscribe"] = (onMessage) => {
    // With the first subscription, Node.js gives the object another prototype, and calls again.
    const { subscribe: inherited } = Object.getPrototypeOf(each) as Channel;
    inherited.call(each, onMessage);
    lookForSubscribers();
  };
  Object.defineProperty(each, "subscribe", { value: subscribe, configurable: true });
}
