export { type Broker, startBroker } from "./broker.ts";
export { startCeph } from "./ceph.ts";
export { createBucket } from "./create-bucket.ts";
export { installCeph, isCephInstalled } from "./install-ceph.ts";
export {
  type LatencyProxy,
  type LatencyProxyOptions,
  type ProxyCounts,
  startLatencyProxy,
} from "./latency-proxy.ts";
export { startMiniflare } from "./miniflare.ts";
export { REQUEST_KINDS, type RequestKind } from "./request-head.ts";
export {
  type AzureConnection,
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
