/**
 * Requests to one bucket, signed and sent.
 *
 * Not by the SDK: loading it takes longer than a whole cold start without it, and each small
 * request three times as much work (docs/decisions/0017-s3-client.md).
 *
 * Always true:
 *   - A request is sent once. Whether to repeat is for `retrying` to say. Only one that a store
 *     refused because the bucket is in another region is sent again, to that one, if nobody named
 *     a region.
 *   - Bodies go whole and plain, without chunks, trailers or `100 Continue`, which not every server
 *     knows.
 *   - The store's clock is used for signing once it refused what was signed by ours.
 */

import type { Clock } from "../clock.ts";
import { ObjectStoreError } from "../errors.ts";
import { type HttpAnswer, HttpClient } from "../http-client.ts";
import {
  S3_CLOCK_CORRECTION_MS_MIN,
  S3_CONNECT_MS_MAX,
  S3_IDLE_MS_MAX,
  S3_SESSION_RENEWED_MS,
  S3_SOCKETS_MAX,
} from "../limits.ts";
import type { CallOptions } from "../object-store.ts";
import { systemClock } from "../system.ts";
import { untilAborted } from "../until-aborted.ts";
import type { S3Quirks } from "./quirks.ts";
import { sessionOf } from "./s3-answers.ts";
import type { S3Credentials, S3CredentialsProvider } from "./s3-credentials.ts";
import { keysOf, RenewedKeys, type S3Keys } from "./s3-keys.ts";
import type { S3StoreOptions } from "./s3-options.ts";
import { placeOf, type S3Place } from "./s3-place.ts";
import { S3Refusal } from "./s3-refusal.ts";
import { type Headers, type S3Request, sessionRequest } from "./s3-requests.ts";
import { encodePath, queryOf, S3Signer, sha256Of, signingDate } from "./s3-signature.ts";

export interface S3ClientOptions extends S3StoreOptions {
  readonly credentials: S3Credentials | S3CredentialsProvider;
}

type TokenHeader = "x-amz-security-token" | "x-amz-s3session-token";

const EMPTY = new Uint8Array();
const EMPTY_SHA256 = sha256Of(EMPTY);

/** What a store answers that finds a request in the wrong region. */
const ELSEWHERE: readonly number[] = [301, 307, 400];

/** The names of what a store says of keys that were good once. */
const EXPIRED: readonly string[] = [
  "ExpiredToken",
  "ExpiredTokenException",
  "TokenRefreshRequired",
];

/** What a store answers that does not believe a signature, also when it is too old or too new. */
const NOT_BELIEVED: readonly number[] = [400, 403];

export class S3Client {
  readonly #options: S3ClientOptions;
  readonly #placeIn: (region?: string) => S3Place;
  readonly #clock: Clock;
  readonly #http: HttpClient;
  readonly #signer = new S3Signer();
  readonly #ownKeys: S3Keys;
  readonly #sessionKeys: S3Keys;
  readonly #providerHeaders: Headers;
  #place: S3Place;
  #clockOffsetMs = 0;
  /** The same for all requests of a second: to make it takes as long as to sign. */
  #date = { second: Number.NaN, text: "" };

  constructor(
    options: S3ClientOptions,
    quirks: S3Quirks,
    placeIn = (region?: string) => placeOf(options, quirks, region),
  ) {
    this.#options = options;
    this.#placeIn = placeIn;
    this.#place = placeIn();
    this.#clock = options.clock ?? systemClock;
    this.#http = new HttpClient(this.#place.host.protocol, {
      socketsMax: options.socketsMax ?? S3_SOCKETS_MAX,
      connectMsMax: options.connectMsMax ?? S3_CONNECT_MS_MAX,
      idleMsMax: options.idleMsMax ?? S3_IDLE_MS_MAX,
      skipVerify: options.skipVerify,
      clock: this.#clock,
    });
    const nowMs = () => this.#clock.nowMs() + this.#clockOffsetMs;
    this.#ownKeys = keysOf(options.credentials, `bucket ${options.bucket}`, nowMs);
    this.#sessionKeys = new RenewedKeys(nowMs, S3_SESSION_RENEWED_MS, () => this.#openSession());
    this.#providerHeaders = Object.fromEntries(
      Object.entries(quirks.headers).map(([name, value]) => [name.toLowerCase(), value]),
    );
  }

  /** By how much the clock is put right for signing. */
  get clockOffsetMs(): number {
    return this.#clockOffsetMs;
  }

  /** That which requests are signed for. */
  get region(): string {
    return this.#place.region;
  }

  /** Rejects with S3Refusal when the answer says no, else with what went wrong on the way. */
  async send(request: S3Request, call: CallOptions = {}): Promise<HttpAnswer> {
    const place = this.#place;
    try {
      return await this.#sendTo(place, request, call);
    } catch (error) {
      if (!this.#learnsRegion(error, place)) throw error;
      return await this.#sendTo(this.#place, request, call);
    }
  }

  close(): void {
    this.#http.close();
  }

  async #sendTo(place: S3Place, request: S3Request, call: CallOptions): Promise<HttpAnswer> {
    const keys = place.sessions ? this.#sessionKeys : this.#ownKeys;
    const tokenHeader = place.sessions ? "x-amz-s3session-token" : "x-amz-security-token";
    return this.#sendBy(keys, tokenHeader, place, request, call);
  }

  async #sendBy(
    keys: S3Keys,
    tokenHeader: TokenHeader,
    place: S3Place,
    { body = EMPTY, headers, key, kind, method, query = [] }: S3Request,
    { signal, meter }: CallOptions,
  ): Promise<HttpAnswer> {
    const given = keys.get();
    const credentials = given instanceof Promise ? await untilAborted(given, signal) : given;
    const { host, region, service } = place;
    const { sessionToken } = credentials;
    const date = this.#signingDate();
    const path = `${place.path}/${key === undefined ? "" : encodePath(key)}`;
    const unsigned = {
      method,
      path,
      query: queryOf(query),
      headers: {
        host: host.host,
        ...headers,
        ...this.#providerHeaders,
        "x-amz-content-sha256": this.#bodyHash(body),
        "x-amz-date": date,
        ...(sessionToken === undefined ? {} : { [tokenHeader]: sessionToken }),
      },
    };
    const authorization = this.#signer.sign(unsigned, { credentials, date, region, service });
    const answer = await this.#http.send(
      host,
      {
        method,
        path: unsigned.query === "" ? path : `${path}?${unsigned.query}`,
        headers: { ...unsigned.headers, authorization },
        body: body.byteLength === 0 ? [] : [body],
      },
      { kind, signal, meter },
    );
    if (answer.status >= 200 && answer.status < 300) return answer;
    this.#correctClock(answer);
    const refusal = new S3Refusal(answer);
    if (EXPIRED.includes(refusal.name) && keys.expire(credentials)) {
      const store = `bucket ${this.#options.bucket}`;
      const message = `the keys for ${store} have expired, and new ones are going to be asked for`;
      throw new ObjectStoreError("UNAVAILABLE", message, { store, cause: refusal });
    }
    throw refusal;
  }

  #signingDate(): string {
    const second = Math.floor((this.#clock.nowMs() + this.#clockOffsetMs) / 1000);
    if (second !== this.#date.second) this.#date = { second, text: signingDate(second * 1000) };
    return this.#date.text;
  }

  #bodyHash(body: Uint8Array): string {
    if (this.#options.signPayload === false) return "UNSIGNED-PAYLOAD";
    return body.byteLength === 0 ? EMPTY_SHA256 : sha256Of(body);
  }

  /** For all requests of the next minutes, so none of them can end it. */
  async #openSession(): Promise<S3Credentials> {
    const place = this.#place;
    const header = "x-amz-security-token";
    return sessionOf(await this.#sendBy(this.#ownKeys, header, place, sessionRequest(), {}));
  }

  #learnsRegion(error: unknown, place: S3Place): boolean {
    if (!place.findsRegion || !(error instanceof S3Refusal)) return false;
    const { bucketRegion, status } = error;
    if (bucketRegion === undefined || !ELSEWHERE.includes(status)) return false;
    if (bucketRegion === place.region) return false;
    if (bucketRegion !== this.#place.region) this.#place = this.#placeIn(bucketRegion);
    return true;
  }

  #correctClock({ headers, status }: HttpAnswer): void {
    if (!NOT_BELIEVED.includes(status)) return;
    const serverMs = Date.parse(headers.date ?? "");
    const correctionMs = serverMs - this.#clock.nowMs() - this.#clockOffsetMs;
    if (Math.abs(correctionMs) >= S3_CLOCK_CORRECTION_MS_MIN) this.#clockOffsetMs += correctionMs;
  }
}
