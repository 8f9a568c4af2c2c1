import { expect, it } from "vitest";
import type { DeviceAnswer, Journey, PageDevice } from "../src/page-device.ts";
import { RequestServer } from "../src/request-server.ts";
import { systemClock } from "../src/system.ts";

it("a store that does not answer is not told as a moment that there is not", async () => {
  const answers: DeviceAnswer[] = [];
  const device = {
    answer: (_id: number, answer: DeviceAnswer) => answers.push(answer),
  } as unknown as PageDevice;
  const never = () => new Promise<never>(() => {});
  const server = new RequestServer({
    device,
    clock: systemClock,
    timeoutMs: 20,
    readPage: never,
    sync: never,
    commit: never,
    travel: never,
  });
  server.serve({ type: "travel", id: 1, journey: {} as Journey });
  await expect.poll(() => answers).toHaveLength(1);
  expect(answers[0]).toMatchObject({
    type: "error",
    message: "the store did not tell which files lead to that moment within 20 ms",
  });
});
