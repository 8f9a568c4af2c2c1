/**
 * The latency proxy as a process of its own, so that it shares no thread with what is measured:
 * `node tooling/servers/proxy.ts http://127.0.0.1:PORT LATENCY_MS`.
 *
 * Prints one line of JSON: the endpoint for clients, and a control URL. There, GET gives the counts
 * so far, and POST resets them; `?latencyMs=N` and `?uploadBytesPerSecond=N` change the line.
 */

import { createServer } from "node:http";
import { startLatencyProxy } from "./src/latency-proxy.ts";

const [target = "", latencyMs = "0"] = process.argv.slice(2);
const proxy = await startLatencyProxy({ target, latencyMs: Number(latencyMs) });
const control = createServer((request, response) => {
  const { searchParams } = new URL(request.url ?? "/", "http://localhost");
  for (const name of ["latencyMs", "uploadBytesPerSecond"] as const) {
    const value = searchParams.get(name);
    if (value !== null) proxy[name] = Number(value);
  }
  const counts = proxy.counts();
  if (request.method === "POST") proxy.resetCounts();
  response.setHeader("content-type", "application/json");
  response.end(JSON.stringify(counts));
});
control.listen(0, "127.0.0.1", () => {
  const address = control.address();
  const port = typeof address === "object" ? address?.port : undefined;
  const facts = { endpoint: proxy.endpoint, control: `http://127.0.0.1:${port}/` };
  process.stdout.write(`${JSON.stringify(facts)}\n`);
});
