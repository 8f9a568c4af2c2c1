export { openTigrisStore, type TigrisStoreOptions } from "./tigris-store.ts";
