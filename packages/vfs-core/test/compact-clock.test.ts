import { expect, it } from "vitest";
import { StillClock } from "./support/clock.ts";
import { compactorOf, describeLevels, listWorld } from "./support/restoring.ts";
import { World } from "./support/world.ts";

const START_MS = 1_700_000_000_000;
const HOUR_MS = 3_600_000;

/** A machine whose time of day somebody sets. */
class SetClock extends StillClock {
  setByMs = 0;

  override nowMs(): number {
    return this.ms + this.setByMs;
  }
}

for (const listedTimestamp of [true, false]) {
  const where = `where listings ${listedTimestamp ? "" : "do not "}tell when files were made`;
  it(`nothing goes early after this machine's clock was set forward, ${where}`, async () => {
    const clock = new SetClock(START_MS);
    const storeClock = new StillClock(START_MS);
    const world = new World({ clock: storeClock, supports: { listedTimestamp } });
    const compactor = compactorOf(world, { clock, newestTxid: () => BigInt(world.txid) });
    const pass = (ms: number) => {
      clock.ms += ms;
      storeClock.ms += ms;
    };
    const write = () => world.write({ pages: [1], timestampMs: clock.nowMs() });
    const retain = () =>
      compactor.retain({
        nowMs: clock.nowMs(),
        level0RetentionMs: 300_000,
        snapshotRetentionMs: 24 * HOUR_MS,
      });
    for (let round = 0; round < 3; round += 1) {
      await write();
      pass(30_000);
      await compactor.compact(1);
      await compactor.snapshot();
      expect(await retain()).toBe(0);
    }
    const before = describeLevels(await listWorld(world));
    clock.setByMs = 30 * HOUR_MS;
    pass(15_000);
    expect(await retain()).toBe(0);
    expect(describeLevels(await listWorld(world))).toEqual(before);
  });
}
