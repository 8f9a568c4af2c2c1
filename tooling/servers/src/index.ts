export { startAzurite } from "./azurite.ts";
export { startAzuriteTls } from "./azurite-tls.ts";
export { type Broker, startBroker } from "./broker.ts";
export { startCeph } from "./ceph.ts";
export { createBucket } from "./create-bucket.ts";
export { type GcsFakeStartOptions, startGcsFake } from "./gcs-fake.ts";
export { installCeph, isCephInstalled } from "./install-ceph.ts";
export {
  type LatencyProxy,
  type LatencyProxyOptions,
  type ProxyCounts,
  startLatencyProxy,
} from "./latency-proxy.ts";
export { startMiniflare } from "./miniflare.ts";
export { type Pretence, startPretendingS3 } from "./pretending-s3.ts";
export { type Relay, startRelay } from "./relay.ts";
export { REQUEST_KINDS, type RequestKind } from "./request-head.ts";
export {
  type AzureConnection,
  type AzureTlsConnection,
  type GcsConnection,
  type RunningServer,
  type S3Connection,
  ServerUnavailable,
  type StartOptions,
} from "./server.ts";
export {
  type Connections,
  isServerName,
  type S3ServerName,
  SERVERS,
  type ServerName,
} from "./servers.ts";
