/**
 * What vitest-global-setup.ts provides to tests, as a type.
 */

import type {} from "vitest";

declare module "vitest" {
  interface ProvidedContext {
    /** Where the broker listens. */
    headwaterServers: string;
  }
}
