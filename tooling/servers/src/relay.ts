import { type AddressInfo, connect, createServer, type Socket } from "node:net";

/** A way to a server, on which a test makes happen what happens to connections that are idle. */
export interface Relay extends AsyncDisposable {
  readonly endpoint: string;
  /** Connections that are open, or seem to be. */
  readonly connectionCount: number;
  /** Connections that there ever were. */
  readonly openedCount: number;
  /** How often something was sent over a connection that is lost. */
  readonly lostCount: number;
  /** Ends all connections, and both sides hear of it. */
  cut(): void;
  /** Nothing goes through the connections there are any more, and neither side hears of it. */
  lose(): void;
  /** The same, within the next answer. */
  loseWithinNext(): void;
}

interface Pair {
  readonly near: Socket;
  readonly far: Socket;
  isLost: boolean;
}

export async function startRelay(target: string): Promise<Relay> {
  const { hostname, port } = new URL(target);
  const pairs = new Set<Pair>();
  let openedCount = 0;
  let lostCount = 0;
  let isCutNext = false;
  const lose = () => {
    for (const pair of pairs) pair.isLost = true;
  };
  const server = createServer((near) => {
    const pair: Pair = { near, far: connect(Number(port), hostname), isLost: false };
    const { far } = pair;
    pairs.add(pair);
    openedCount += 1;
    near.on("data", (chunk) => {
      if (pair.isLost) lostCount += 1;
      else far.write(chunk);
    });
    far.on("data", (chunk: Buffer) => {
      if (pair.isLost) return;
      near.write(isCutNext ? chunk.subarray(0, -1) : chunk);
      if (isCutNext) lose();
      isCutNext = false;
    });
    near.on("error", () => far.destroy());
    far.on("error", () => near.destroy());
    near.on("close", () => {
      pairs.delete(pair);
      far.destroy();
    });
    far.on("close", () => {
      if (!pair.isLost) near.destroy();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const cut = () => {
    for (const { near } of pairs) near.destroy();
  };
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get connectionCount() {
      return pairs.size;
    },
    get openedCount() {
      return openedCount;
    },
    get lostCount() {
      return lostCount;
    },
    cut,
    lose,
    loseWithinNext() {
      isCutNext = true;
    },
    async [Symbol.asyncDispose]() {
      cut();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
