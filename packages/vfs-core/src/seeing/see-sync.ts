/**
 * Messages of uploads and of conflicts, out of the events that a writer tells anyway.
 */

import type { Tell } from "../mount-event.ts";
import type { Seeing } from "./seeing.ts";

/** The same `tell`, which sees to the messages as well. */
export function seeSync(seeing: Seeing, tell: Tell): Tell {
  let measure = seeing.measure("sync");
  return (event) => {
    tell(event);
    switch (event.type) {
      case "synced": {
        const { txid, seq, durationMs } = event;
        seeing.tell("sync", { ...measure(), durationMs, txid, seq });
        measure = seeing.measure("sync");
        break;
      }
      case "syncFailed": {
        const { error, durationMs } = event;
        const none = { txid: undefined, seq: undefined };
        seeing.tell("sync", { ...measure(), durationMs, ...none, error });
        measure = seeing.measure("sync");
        break;
      }
      case "fenced":
        seeing.tell("conflict", { when: "fenced", reason: event.reason });
        break;
    }
  };
}
