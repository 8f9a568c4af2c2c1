import {
  choosePrices,
  OPERATIONS,
  type PriceProvider,
  priceProviderOf,
  priceRequests,
  STORE_PRICES,
  type StorePrices,
} from "@headwater/object-store";
import { describe, expect, it } from "vitest";

const TABLE = Object.entries(STORE_PRICES) as [PriceProvider, StorePrices][];

describe("the price table", () => {
  it.each(TABLE)("%s has a price for each kind of request, a date and a page", (_, prices) => {
    expect(Object.keys(prices.per1000).sort()).toEqual([...OPERATIONS].sort());
    for (const price of Object.values(prices.per1000)) expect(price).toBeGreaterThanOrEqual(0);
    expect(prices.egressPerGib).toBeGreaterThanOrEqual(0);
    expect(prices.asOf).toMatch(/^\d{4}(-\d\d-\d\d)?$|^always$/);
    expect(prices.source).toMatch(/^https:\/\/|^none$/);
  });
});

describe("whose prices they are", () => {
  it.each([
    ["s3://b", "https://amazonaws.com/b", "aws-s3-standard"],
    ["s3://b", "https://s3.eu-west-1.amazonaws.com/b", "aws-s3-standard"],
    ["s3://b--use1-az4--x-s3", "https://amazonaws.com/b--use1-az4--x-s3", undefined],
    ["s3://b", "https://account.r2.cloudflarestorage.com/b", "r2"],
    ["tigris://b", "https://t3.storage.dev/b", "tigris"],
    ["s3://b", "https://fly.storage.tigris.dev/b", "tigris"],
    ["gs://b", "https://storage.googleapis.com/b", "gcs-standard"],
    ["abs://a@b", "https://a.blob.core.windows.net/b", "azure-blob-hot-lrs"],
    ["s3://b", "http://127.0.0.1:9000/b", undefined],
    ["s3://b", "https://notamazonaws.com.example/b", undefined],
    ["file:///folder", undefined, "local"],
    ["memory:name", undefined, "local"],
    ["my own", undefined, undefined],
  ])("%s at %s: %s", (name, place, provider) => {
    expect(priceProviderOf({ name, place })).toBe(provider);
  });
});

describe("what requests cost", () => {
  const usage = { byKind: { get: 2000, put: 1000, delete: 5 }, bytesReceived: 2 ** 31 };

  it("is each kind at its price, and the bytes that came", () => {
    const prices = choosePrices("aws-s3-standard")!;
    expect(priceRequests(usage, prices)).toBeCloseTo(2 * 0.0004 + 0.005 + 2 * 0.09, 12);
    expect(priceRequests(usage, choosePrices("r2")!)).toBeCloseTo(2 * 0.00036 + 0.0045, 12);
    expect(priceRequests(usage, choosePrices("local")!)).toBe(0);
  });

  it("is by other prices where some are given, and by another provider's", () => {
    const own = choosePrices("r2", { per1000: { get: 1 }, egressPerGib: 10 })!;
    expect(priceRequests(usage, own)).toBeCloseTo(2 + 0.0045 + 20, 12);
    const moved = choosePrices("r2", { provider: "tigris" });
    expect(moved?.per1000.get).toBe(STORE_PRICES.tigris.per1000.get);
  });

  it("is not known where a price is missing", () => {
    expect(choosePrices(undefined)).toBeUndefined();
    expect(choosePrices(undefined, { egressPerGib: 0, per1000: { get: 1 } })).toBeUndefined();
    const all = Object.fromEntries(OPERATIONS.map((kind) => [kind, 1]));
    const known = choosePrices(undefined, { egressPerGib: 0, per1000: all });
    expect(priceRequests(usage, known!)).toBeCloseTo(3.005, 12);
  });

  it.each([
    [{ provider: "nobody" }, "nobody"],
    [{ per1000: { got: 1 } }, "got"],
    [{ per1000: { get: -1 } }, "per1000.get"],
    [{ egressPerGib: Number.NaN }, "egressPerGib"],
  ])("refuses %j", (choice, named) => {
    expect(() => choosePrices("r2", choice as never)).toThrow(RangeError);
    expect(() => choosePrices("r2", choice as never)).toThrow(named);
  });
});
