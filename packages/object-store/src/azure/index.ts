export type { AzureStoreOptions } from "./azure-options.ts";
export { openAzureStore } from "./azure-store.ts";
