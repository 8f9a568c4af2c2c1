/**
 * `--store-option NAME=VALUE`: everything that a store can be told beside its URL.
 */

import type { OpenStoreOptions } from "@headwater/object-store";
import { UsageError } from "./exit-codes.ts";

type Kind = "text" | "boolean" | "module";

/** What a URL, its query and the environment cannot say is here, and all else again. */
const KNOWN: Readonly<Record<Exclude<keyof OpenStoreOptions, "env">, Kind>> = {
  accessKeyId: "text",
  secretAccessKey: "text",
  sessionToken: "text",
  credentials: "module",
  keyFilename: "text",
  clientEmail: "text",
  privateKey: "text",
  anonymous: "boolean",
  region: "text",
  endpoint: "text",
  forcePathStyle: "boolean",
  account: "text",
  sasToken: "text",
  accountKey: "text",
  connectionString: "text",
  fsync: "boolean",
};

export const STORE_OPTION_NAMES: readonly string[] = Object.keys(KNOWN);

export type StoreOptionTexts = Readonly<Record<string, string>>;

/** Adds one NAME=VALUE to those before it. */
export function collectStoreOption(text: string, before: StoreOptionTexts): StoreOptionTexts {
  const at = text.indexOf("=");
  if (at <= 0) throw new UsageError(`--store-option must be NAME=VALUE, not "${text}"`);
  return { ...before, [text.slice(0, at)]: text.slice(at + 1) };
}

type StoreOptionValue = string | boolean | { readonly module: string };

/** For `openStore` and for mounts. */
export function toStoreOptions(
  texts: StoreOptionTexts,
  toModule: (path: string) => string,
): Readonly<Record<string, StoreOptionValue>> {
  const options: Record<string, StoreOptionValue> = {};
  for (const [name, text] of Object.entries(texts)) {
    const kind = (KNOWN as Readonly<Record<string, Kind | undefined>>)[name];
    if (kind === undefined) {
      const known = STORE_OPTION_NAMES.join(", ");
      throw new UsageError(`there is no store option "${name}"; there are ${known}`);
    }
    options[name] = toValue(name, kind, text, toModule);
  }
  return options;
}

function toValue(
  name: string,
  kind: Kind,
  text: string,
  toModule: (path: string) => string,
): StoreOptionValue {
  switch (kind) {
    case "text":
      return text;
    case "module":
      return { module: toModule(text) };
    case "boolean":
      if (text === "true" || text === "false") return text === "true";
      throw new UsageError(`the store option "${name}" must be true or false, not "${text}"`);
  }
}
