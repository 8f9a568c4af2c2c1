/**
 * Refusals, in the words of Google's JSON API and in those of its XML API.
 */

import type { Reply } from "./http.ts";

export interface GcsErrorOptions {
  /** The JSON API's word for it. */
  readonly reason: string;
  /** The XML API's word for it. */
  readonly xmlCode: string;
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

export class GcsError extends Error {
  readonly status: number;
  readonly reason: string;
  readonly xmlCode: string;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, message: string, { reason, xmlCode, headers }: GcsErrorOptions) {
    super(message);
    this.status = status;
    this.reason = reason;
    this.xmlCode = xmlCode;
    this.headers = headers ?? {};
  }
}

export function noSuchBucket(): GcsError {
  const message = "The specified bucket does not exist.";
  return new GcsError(404, message, { reason: "notFound", xmlCode: "NoSuchBucket" });
}

export function noSuchObject(bucket: string, name: string): GcsError {
  const message = `No such object: ${bucket}/${name}`;
  return new GcsError(404, message, { reason: "notFound", xmlCode: "NoSuchKey" });
}

export function invalid(message: string): GcsError {
  return new GcsError(400, message, { reason: "invalid", xmlCode: "InvalidArgument" });
}

export function conditionNotMet(status: 304 | 412): GcsError {
  const message = "At least one of the pre-conditions you specified did not hold.";
  return new GcsError(status, message, {
    reason: "conditionNotMet",
    xmlCode: "PreconditionFailed",
  });
}

export function jsonError({ headers, message, reason, status }: GcsError): Reply {
  if (status === 304) return { status, headers };
  const errors = [{ message, domain: "global", reason }];
  const body = JSON.stringify({ error: { code: status, message, errors } });
  return { status, headers: { "content-type": "application/json", ...headers }, body };
}

export function xmlError({ headers, message, status, xmlCode }: GcsError): Reply {
  if (status === 304) return { status, headers };
  const text = message.replace(/[<>&]/g, (character) => `&#${character.charCodeAt(0)};`);
  const body =
    "<?xml version='1.0' encoding='UTF-8'?>" +
    `<Error><Code>${xmlCode}</Code><Message>${text}</Message></Error>`;
  return { status, headers: { "content-type": "application/xml", ...headers }, body };
}
