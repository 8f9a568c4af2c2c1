/**
 * Conditions of a request, held against the live object. Zero stands for "there is none".
 */

import { conditionNotMet, invalid } from "./gcs-error.ts";
import type { ObjectResource } from "./object-resource.ts";

type Numbered = Pick<ObjectResource, "generation" | "metageneration">;

interface Condition {
  readonly name: string;
  readonly field: keyof Numbered;
  readonly equal: boolean;
}

const CONDITIONS: readonly Condition[] = [
  { name: "ifGenerationMatch", field: "generation", equal: true },
  { name: "ifGenerationNotMatch", field: "generation", equal: false },
  { name: "ifMetagenerationMatch", field: "metageneration", equal: true },
  { name: "ifMetagenerationNotMatch", field: "metageneration", equal: false },
];

/** The XML API says the same in headers. */
export const CONDITION_HEADERS: Readonly<Record<string, string>> = {
  "x-goog-if-generation-match": "ifGenerationMatch",
  "x-goog-if-metageneration-match": "ifMetagenerationMatch",
};

/** Throws unless all hold. A read that must not match is answered with 304 in place of 412. */
export function checkPreconditions(
  current: Numbered | undefined,
  query: URLSearchParams,
  purpose: "read" | "write",
): void {
  for (const { equal, field, name } of CONDITIONS) {
    const wanted = query.get(name);
    if (wanted === null) continue;
    if (!/^\d+$/.test(wanted)) throw invalid(`Invalid value for ${name}: ${wanted}`);
    if ((wanted === (current?.[field] ?? "0")) === equal) continue;
    throw conditionNotMet(!equal && purpose === "read" ? 304 : 412);
  }
}
