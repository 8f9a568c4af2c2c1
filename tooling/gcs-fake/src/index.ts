export { type GcsFake, type GcsFakeOptions, startGcsFake } from "./gcs-fake.ts";
