/**
 * A clock that does not notice when its process stands still, as that of a virtual machine which
 * was moved or restored. The wall clock does not show it either.
 */

import { type Clock, systemClock } from "../src/index.ts";

const TICK_MS = 20;
/** Whoever was not asked for so long stood still. Less is the ordinary unrest of a machine. */
const GAP_MS_MIN = 200;

export function startCutOutClock(): Clock {
  let lastMs = systemClock.monotonicMs();
  let lostMs = 0;
  const look = () => {
    const nowMs = systemClock.monotonicMs();
    const gapMs = nowMs - lastMs;
    if (gapMs >= GAP_MS_MIN) lostMs += gapMs;
    lastMs = nowMs;
  };
  setInterval(look, TICK_MS).unref();
  return {
    nowMs() {
      look();
      return systemClock.nowMs() - lostMs;
    },
    monotonicMs() {
      look();
      return systemClock.monotonicMs() - lostMs;
    },
    sleep: systemClock.sleep,
  };
}
