/**
 * Where a bucket is: the host that is asked, the path below it, and what requests are signed for.
 *
 * Always true:
 *   - The bucket is in the host's name only where such a name exists and a certificate can fit it.
 *   - Without an endpoint it is AWS's own for the region, in the region's own partition.
 */

import { isExpress, type S3Quirks } from "./quirks.ts";
import type { S3StoreOptions } from "./s3-options.ts";

export interface S3Place {
  /** Whom to connect to. Its path counts for nothing. */
  readonly host: URL;
  /** Comes before the slash and the key. */
  readonly path: string;
  readonly region: string;
  readonly service: "s3" | "s3express";
  /** Requests are signed with the keys of a session, which is asked for first. */
  readonly sessions: boolean;
  /** An answer may name another region, which is then the right one. */
  readonly findsRegion: boolean;
}

/** Partitions by the beginning of their regions' names. */
const PARTITIONS = [
  ["cn-", "amazonaws.com.cn"],
  ["us-iso-", "c2s.ic.gov"],
  ["us-isob-", "sc2s.sgov.gov"],
  ["us-isof-", "csp.hci.ic.gov"],
  ["eu-isoe-", "cloud.adc-e.uk"],
  ["eusc-", "amazonaws.eu"],
  ["", "amazonaws.com"],
] as const;

/** `region`: that which an answer told. */
export function placeOf(
  options: S3StoreOptions,
  quirks: S3Quirks,
  region: string = options.region ?? quirks.region,
): S3Place {
  const { bucket, endpoint, forcePathStyle = quirks.pathStyle } = options;
  const point = accessPointOf(bucket);
  const isDirectory = endpoint === undefined && isExpress(bucket);
  const signed = {
    region: point?.region ?? region,
    service: isExpress(bucket) ? "s3express" : "s3",
    sessions: isDirectory,
    findsRegion: endpoint === undefined && options.region === undefined && point === undefined,
  } as const;
  const base = new URL(endpoint ?? `https://${awsHost(options, signed.region)}`);
  const folder = base.pathname.replace(/\/+$/, "");
  const name = point?.hostName ?? bucket;
  const isInHost =
    point !== undefined || (!forcePathStyle && !isAddress(base) && canBeHost(bucket));
  if (!isInHost) return { host: base, path: `${folder}/${bucket}`, ...signed };
  // A colon begins the port, and so do the brackets of no name.
  const host = new URL(`${base.protocol}//${name}.${base.host}`);
  return { host, path: folder, ...signed };
}

export interface AccessPoint {
  readonly hostName: string;
  readonly region: string;
}

/** Of `arn:aws:s3:REGION:ACCOUNT:accesspoint/NAME`, as the bucket. */
export function accessPointOf(bucket: string): AccessPoint | undefined {
  const pattern = /^arn:aws[\w-]*:s3:([a-z0-9-]+):(\d+):accesspoint[:/]([a-z0-9-]+)$/;
  const match = pattern.exec(bucket);
  if (match === null) return undefined;
  const [, region = "", account, name] = match;
  return { hostName: `${name}-${account}`, region };
}

function awsHost({ bucket, dualStack, fips }: S3StoreOptions, region: string): string {
  const [, suffix] = PARTITIONS.find(([begin]) => region.startsWith(begin)) ?? PARTITIONS[0];
  const zone = isExpress(bucket) ? /--([a-z0-9-]+)--x-s3$/.exec(bucket)?.[1] : undefined;
  const name = accessPointOf(bucket) === undefined ? "s3" : "s3-accesspoint";
  const service = zone === undefined ? name : "s3express";
  const labels = [
    `${service}${fips ? "-fips" : ""}${zone === undefined ? "" : `-${zone}`}`,
    ...(dualStack ? ["dualstack"] : []),
    region,
  ];
  return `${labels.join(".")}.${suffix}`;
}

function isAddress({ hostname }: URL): boolean {
  return hostname.startsWith("[") || /^\d+(\.\d+){3}$/.test(hostname);
}

/** A certificate for `*.host` fits no name with a dot before it. */
function canBeHost(bucket: string): boolean {
  return bucket.length >= 3 && /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/.test(bucket);
}
