/**
 * An answer of S3 that says no, with the store's own word for it as its name.
 */

import type { HttpAnswer } from "../http-client.ts";
import { parseXml } from "./s3-xml.ts";

export class S3Refusal extends Error {
  readonly status: number;
  readonly headers: HttpAnswer["headers"];
  /** Where the bucket is, if the answer tells. */
  readonly bucketRegion: string | undefined;

  /** The name is "" when what answered is not S3, or had no body to say it in. */
  constructor({ body, headers, status }: HttpAnswer) {
    const told = parseXml(new TextDecoder().decode(body));
    const error = told?.name === "Error" ? told : told?.child("Error");
    super(error?.textOf("Message") ?? "");
    this.name = error?.textOf("Code") ?? "";
    this.status = status;
    this.headers = headers;
    const { "x-amz-bucket-region": header = error?.textOf("Region") } = headers;
    // It becomes part of a host's name.
    const isName = typeof header === "string" && /^[a-z0-9-]{1,63}$/.test(header);
    this.bucketRegion = isName ? header : undefined;
  }
}
