export type { GcsServiceAccount, GcsStoreOptions } from "./gcs-options.ts";
export { openGcsStore } from "./gcs-store.ts";
