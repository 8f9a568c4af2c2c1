/**
 * The vendor's SDK, loaded when it is needed and set up once.
 *
 * Always true of the client made here:
 *   - It sends a request once. Whether to repeat is for `retrying` to say.
 *   - It sends no checksum trailers and waits for no `100 Continue`: many servers know neither.
 *   - Whatever can be said at once is said here, so that the SDK does not search files for it.
 */

import type { Readable } from "node:stream";
import type * as Sdk from "@aws-sdk/client-s3";
import { ObjectStoreError } from "../errors.ts";
import { readBody } from "../http-body.ts";
import { S3_CONNECT_MS_MAX, S3_IDLE_MS_MAX, S3_SOCKETS_MAX } from "../limits.ts";
import type { S3Quirks } from "./quirks.ts";
import { toSdkCredentials } from "./s3-credentials.ts";
import type { S3StoreOptions } from "./s3-options.ts";

export type S3Sdk = typeof import("#s3-sdk")["sdk"];

/** What an answer tells beside what the SDK makes of it. */
export interface AnswerFacts {
  /** The Date header. */
  readonly date?: string | undefined;
  readonly contentType?: string | undefined;
}

interface HttpRequest {
  readonly headers: Record<string, string>;
  readonly body?: unknown;
}

interface HttpResponse {
  readonly statusCode: number;
  body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export async function loadS3Sdk(store: string): Promise<S3Sdk> {
  try {
    return (await import("#s3-sdk")).sdk;
  } catch (cause) {
    const problem =
      "s3: stores need the package @aws-sdk/client-s3: npm install @aws-sdk/client-s3";
    throw new ObjectStoreError("CONFIG_INVALID", problem, { store, cause });
  }
}

export function makeS3Client(sdk: S3Sdk, options: S3StoreOptions, quirks: S3Quirks): Sdk.S3Client {
  const { credentials, endpoint, skipVerify } = options;
  const keys = credentials && toSdkCredentials(credentials, `bucket ${options.bucket}`);
  const agent = { keepAlive: true, maxSockets: options.socketsMax ?? S3_SOCKETS_MAX };
  const client = new sdk.S3Client({
    region: options.region ?? quirks.region,
    followRegionRedirects: options.region === undefined && endpoint === undefined,
    ...(endpoint === undefined ? {} : { endpoint }),
    forcePathStyle: options.forcePathStyle ?? quirks.pathStyle,
    ...(keys === undefined ? {} : { credentials: keys }),
    maxAttempts: 1,
    retryMode: "standard",
    defaultsMode: "standard",
    requestChecksumCalculation: "WHEN_REQUIRED",
    responseChecksumValidation: "WHEN_REQUIRED",
    userAgentAppId: "headwater",
    ...(endpoint === undefined ? {} : STATIC_FOR_ENDPOINT),
    requestHandler: {
      httpAgent: agent,
      httpsAgent: skipVerify ? { ...agent, rejectUnauthorized: false } : agent,
      connectionTimeout: options.connectMsMax ?? S3_CONNECT_MS_MAX,
      socketTimeout: options.idleMsMax ?? S3_IDLE_MS_MAX,
      // The agent queues; a warning on the console helps nobody.
      socketAcquisitionWarningTimeout: 2 ** 31 - 1,
    },
  });
  addMiddleware(client, options, quirks);
  return client;
}

/** What the answer told that this output came from. */
export function answerFacts(output: { readonly $metadata: object }): AnswerFacts {
  return factsByMetadata.get(output.$metadata) ?? {};
}

const factsByMetadata = new WeakMap<object, AnswerFacts>();

/** Settings of AWS's own network, which the SDK would look up in the profile files. */
const STATIC_FOR_ENDPOINT = {
  useFipsEndpoint: false,
  useDualstackEndpoint: false,
  useArnRegion: false,
  disableS3ExpressSessionAuth: true,
};

function addMiddleware(client: Sdk.S3Client, options: S3StoreOptions, quirks: S3Quirks): void {
  const stack = client.middlewareStack;
  stack.remove("addExpectContinueMiddleware");
  stack.add(
    (next) => async (args) => {
      const result = await next(args);
      const { headers } = (result.response ?? {}) as HttpResponse;
      const { $metadata } = result.output as { $metadata?: object };
      if ($metadata !== undefined) {
        const { date, "content-type": contentType } = headers ?? {};
        factsByMetadata.set($metadata, { date, contentType });
      }
      return result;
    },
    { step: "deserialize", name: "headwaterAnswerFacts", priority: "high" },
  );
  stack.add(
    (next) => async (args) => {
      const { headers } = args.request as HttpRequest;
      Object.assign(headers, quirks.headers);
      if (options.signPayload === false) headers["x-amz-content-sha256"] = "UNSIGNED-PAYLOAD";
      return next(args);
    },
    { step: "build", name: "headwaterHeaders", priority: "low" },
  );
  refuseEmptyDeleteResults(client);
  if (options.requireContentMd5) addContentMd5(client);
}

/** The SDK takes an answer without a body for one that names no key that could not be deleted. */
function refuseEmptyDeleteResults(client: Sdk.S3Client): void {
  client.middlewareStack.add(
    (next, context) => async (args) => {
      const result = await next(args);
      const response = result.response as HttpResponse;
      if (context.commandName === "DeleteObjectsCommand" && response.statusCode === 200) {
        const body = await readBody(response.body as Readable, undefined);
        if (body.byteLength === 0) {
          throw Object.assign(new Error("no word of what was deleted"), { name: "EmptyAnswer" });
        }
        response.body = body;
      }
      return result;
    },
    { step: "deserialize", name: "headwaterDeleteResult", priority: "low" },
  );
}

function addContentMd5(client: Sdk.S3Client): void {
  client.middlewareStack.add(
    (next, context) => async (args) => {
      if (context.commandName === "DeleteObjectsCommand") {
        const { createHash } = await import("node:crypto");
        const { headers, body } = args.request as HttpRequest;
        const digest = createHash("md5")
          .update(body as string)
          .digest("base64");
        for (const name of Object.keys(headers)) {
          if (/^x-(amz-checksum-|amz-sdk-checksum)/i.test(name)) delete headers[name];
        }
        headers["content-md5"] = digest;
      }
      return next(args);
    },
    { step: "build", name: "headwaterContentMd5", priority: "low" },
  );
}
