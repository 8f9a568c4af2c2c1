/**
 * What requests cost: a multiplication, over prices that are data.
 */

import type { Operation } from "../object-store.ts";
import { OPERATIONS } from "../operations.ts";
import { type PriceProvider, STORE_PRICES, type StorePrices } from "./price-table.ts";

/** What is different from the prices of the store's provider, or from those of another one. */
export interface PriceChoice {
  readonly provider?: PriceProvider | undefined;
  /** USD for a thousand requests of a kind. */
  readonly per1000?: Readonly<Partial<Record<Operation, number>>> | undefined;
  /** USD for 2^30 bytes. */
  readonly egressPerGib?: number | undefined;
}

export type Prices = Pick<StorePrices, "per1000" | "egressPerGib">;

export interface PricedRequests {
  /** How many of each kind; none where a kind is left out. */
  readonly byKind: Readonly<Partial<Record<Operation, number>>>;
  readonly bytesReceived: number;
}

const GIB = 2 ** 30;

/**
 * Undefined when the prices of some kind of request, or of bytes, are not known. Throws a
 * RangeError for a provider that is not in the table, or a price that is none.
 */
export function choosePrices(
  found: PriceProvider | undefined,
  choice: PriceChoice = {},
): Prices | undefined {
  const { provider = found } = choice;
  if (provider !== undefined && !Object.hasOwn(STORE_PRICES, provider)) {
    const known = Object.keys(STORE_PRICES).join(", ");
    throw new RangeError(`prices are known of ${known}, and not of ${String(provider)}`);
  }
  const listed: Prices | undefined = provider === undefined ? undefined : STORE_PRICES[provider];
  const egressPerGib = checkPrice("egressPerGib", choice.egressPerGib) ?? listed?.egressPerGib;
  for (const kind of Object.keys(choice.per1000 ?? {})) {
    if (!OPERATIONS.includes(kind as Operation)) {
      throw new RangeError(`there are no requests of the kind ${kind}`);
    }
  }
  const per1000 = OPERATIONS.map((kind) => {
    const own = checkPrice(`per1000.${kind}`, choice.per1000?.[kind]);
    return [kind, own ?? listed?.per1000[kind]] as const;
  });
  if (egressPerGib === undefined || per1000.some(([, price]) => price === undefined)) {
    return undefined;
  }
  return { per1000: Object.fromEntries(per1000) as Prices["per1000"], egressPerGib };
}

/** In USD. Every request that was sent counts, also those that failed. */
export function priceRequests(
  { byKind, bytesReceived }: PricedRequests,
  { per1000, egressPerGib }: Prices,
): number {
  const requests = OPERATIONS.reduce((sum, kind) => sum + (byKind[kind] ?? 0) * per1000[kind], 0);
  return requests / 1000 + (bytesReceived / GIB) * egressPerGib;
}

function checkPrice(name: string, price: number | undefined): number | undefined {
  if (price === undefined || (Number.isFinite(price) && price >= 0)) return price;
  throw new RangeError(`${name} must be 0 or more USD: ${String(price)}`);
}
