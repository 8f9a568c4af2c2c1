/**
 * The bit of a channel in the word that says what a thread wants to be told.
 */

import { SEEN_CHANNELS, type SeenChannel } from "@headwater/vfs-core";

export function bitOf(name: SeenChannel): number {
  return 1 << SEEN_CHANNELS.indexOf(name);
}
