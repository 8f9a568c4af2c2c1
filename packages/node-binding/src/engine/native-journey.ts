/**
 * A connection that wants to see an earlier moment, over the native half: it waits under a ticket.
 */

import { HeadwaterError, type Journey, systemClock } from "@headwater/vfs-core";
import type { Native } from "../native.ts";
import { parseMoment } from "../parse-moment.ts";
import type { NativeDevice } from "./native-device.ts";

export function nativeJourney(native: Native, ticket: number): Journey {
  return {
    async moment() {
      const text = native.travelMoment(ticket);
      if (text !== undefined) return parseMoment(text, systemClock.nowMs());
      throw new HeadwaterError("TIMEOUT", "the connection does not wait any more");
    },
    arrive(past, moment) {
      // A mount makes its pasts of the same kind as itself.
      const { id } = past as NativeDevice;
      return native.travelArrive(ticket, id, moment.type === "timestamp" ? moment.timestampMs : 0);
    },
  };
}
