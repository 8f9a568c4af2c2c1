/**
 * One question to the name service for all connections that are opened at the same time.
 *
 * A question takes one of the few threads that Node.js has, for files as well, and it keeps no
 * answer: a hundred connections would ask a hundred times, four at a time. Nothing is kept here
 * either, since stores mean their names to be asked for anew.
 */

import type { LookupAddress, LookupOptions } from "node:dns";
import { createRequire } from "node:module";
import type { LookupFunction } from "node:net";

type Callback = Parameters<LookupFunction>[2];
type Failure = Parameters<Callback>[0];

interface Waiter {
  /** Wants all addresses, not only the first. */
  readonly all: boolean;
  readonly callback: Callback;
}

/** As `dns.lookup`, for connections and agents. */
export function sharedLookup(): LookupFunction {
  const underWay = new Map<string, Waiter[]>();
  return (hostname, { all = false, ...options }, callback) => {
    const question = JSON.stringify([hostname, options]);
    const sharing = underWay.get(question);
    if (sharing !== undefined) {
      sharing.push({ all, callback });
      return;
    }
    const waiters: Waiter[] = [{ all, callback }];
    underWay.set(question, waiters);
    lookUp(hostname, options, (error, addresses) => {
      underWay.delete(question);
      for (const [index, waiter] of waiters.entries()) {
        answer(waiter, error, inTurn(addresses ?? [], index));
      }
    });
  };
}

function lookUp(
  hostname: string,
  options: LookupOptions,
  done: (error: Failure, addresses?: LookupAddress[]) => void,
): void {
  // Only now, since it is loaded for names alone. The second way is for Node.js before 22.3.
  const load = process.getBuiltinModule ?? createRequire(import.meta.url);
  const dns = load("node:dns") as typeof import("node:dns");
  dns.lookup(hostname, { ...options, all: true }, done);
}

function answer({ all, callback }: Waiter, error: Failure, addresses: LookupAddress[]): void {
  const [first] = addresses;
  if (all || first === undefined) callback(error, addresses);
  else callback(error, first.address, first.family);
}

/** Each begins with another address of the first family: a name with many wants them all used. */
function inTurn(addresses: readonly LookupAddress[], index: number): LookupAddress[] {
  const preferred = addresses.filter(({ family }) => family === addresses[0]?.family);
  const others = addresses.filter(({ family }) => family !== addresses[0]?.family);
  const start = preferred.length === 0 ? 0 : index % preferred.length;
  return [...preferred.slice(start), ...preferred.slice(0, start), ...others];
}
