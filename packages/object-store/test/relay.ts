import { type AddressInfo, connect, createServer, type Socket } from "node:net";

export interface Relay extends AsyncDisposable {
  readonly endpoint: string;
  /** How many connections there ever were. */
  connectionCount(): number;
  /** From now on nothing goes through the connections there are, and neither side is told. */
  lose(): void;
  /** How often something was sent over one of these. */
  lostCount(): number;
}

/** A way to a server on which connections can get lost, as on one that forgets who is quiet. */
export async function startRelay(target: string): Promise<Relay> {
  const { hostname, port } = new URL(target);
  const pairs: { readonly near: Socket; readonly far: Socket; isLost: boolean }[] = [];
  let lostCount = 0;
  const server = createServer((near) => {
    const far = connect(Number(port), hostname);
    const pair = { near, far, isLost: false };
    pairs.push(pair);
    near.on("data", (chunk) => {
      if (pair.isLost) lostCount += 1;
      else far.write(chunk);
    });
    far.on("data", (chunk) => {
      if (!pair.isLost) near.write(chunk);
    });
    for (const [side, other] of [
      [near, far],
      [far, near],
    ] as const) {
      side.on("error", () => {});
      side.on("close", () => {
        if (!pair.isLost) other.destroy();
      });
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    connectionCount: () => pairs.length,
    lose() {
      for (const pair of pairs) pair.isLost = true;
    },
    lostCount: () => lostCount,
    async [Symbol.asyncDispose]() {
      for (const { near, far } of pairs) {
        near.destroy();
        far.destroy();
      }
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
