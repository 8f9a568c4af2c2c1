/**
 * Messages of a hydration, out of the events that it tells anyway.
 */

import type { Tell } from "../mount-event.ts";
import type { HydrationStatus } from "../status.ts";
import type { Seeing } from "./seeing.ts";

/** The same `tell`, which sees to the messages as well. */
export function seeHydration(
  seeing: Seeing,
  tell: Tell,
  status: () => Pick<HydrationStatus, "pagesPresent" | "pageCount"> | undefined,
): Tell {
  let measure = seeing.measure("hydration");
  return (event) => {
    tell(event);
    const { pagesPresent = 0, pageCount = 0 } =
      event.type === "hydrating" ? event : (status() ?? {});
    const all = { ...measure(), pagesPresent, pageCount };
    switch (event.type) {
      case "hydrating":
        seeing.tell("hydrate", { ...all, state: "progress" });
        break;
      case "hydrated":
        seeing.tell("hydrate", { ...all, state: "complete" });
        // Of what comes after, which is another image.
        measure = seeing.measure("hydration");
        break;
      case "hydrationFailed":
        seeing.tell("hydrate", { ...all, state: "failed", error: event.error });
        break;
    }
  };
}
