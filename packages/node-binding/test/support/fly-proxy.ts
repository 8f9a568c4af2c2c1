/**
 * Fly's proxy, as far as an application sees it: a request goes to the machine of the nearest
 * region that has one, and again to the region that an answer with `fly-replay` names.
 */

import type { WebProgram } from "./web-program.ts";

const REPLAYED_BYTES_MAX = 1024 * 1024;

export interface FlyAnswer {
  readonly status: number;
  readonly body: string;
  readonly headers: Headers;
  /** The regions that it went through, the one that answered last. */
  readonly regions: readonly string[];
}

export class FlyProxy {
  readonly #machines = new Map<string, WebProgram>();

  setMachine(region: string, machine: WebProgram): void {
    this.#machines.set(region, machine);
  }

  async fetch(region: string, path: string, init: RequestInit = {}): Promise<FlyAnswer> {
    const regions = [region];
    let answer = await this.#machine(region).fetch(path, init);
    const replay = answer.headers.get("fly-replay");
    if (replay !== null) {
      const [, target] = /^region=(\w+)$/.exec(replay) ?? [];
      if (target === undefined) throw new Error(`no such fly-replay: ${replay}`);
      if (String(init.body ?? "").length > REPLAYED_BYTES_MAX) throw new Error("too large");
      await answer.arrayBuffer();
      regions.push(target);
      const headers = { ...init.headers, "fly-replay-src": `region=${region}` };
      answer = await this.#machine(target).fetch(path, { ...init, headers });
    }
    return {
      status: answer.status,
      body: await answer.text(),
      headers: answer.headers,
      regions,
    };
  }

  #machine(region: string): WebProgram {
    const machine = this.#machines.get(region);
    if (machine === undefined) throw new Error(`no machine in ${region}`);
    return machine;
  }
}
