/**
 * What SQLite threads ask of the engine as a whole: to mount what is being opened, to end what
 * nobody uses any more, to change the role of a mount.
 */

import { HeadwaterError, systemClock } from "@headwater/vfs-core";
import type { Native } from "../native.ts";
import { ROLE_RESULT, SQLITE_ERROR, SQLITE_OK } from "../protocol.ts";
import { environment } from "../system.ts";
import { AskedMounts, type AskedMountsOptions } from "./asked-mounts.ts";
import type { EngineRequests } from "./native-device.ts";

export interface RequestHost
  extends Pick<AskedMountsOptions, "mount" | "isOpen" | "isWriting" | "close"> {
  /** Does not wait for a lease that somebody else holds. */
  readonly promote: (name: string) => Promise<void>;
  readonly demote: (name: string) => Promise<void>;
}

export function makeEngineRequests(native: Native, host: RequestHost): EngineRequests {
  const asked = new AskedMounts({ ...host, native, env: environment, clock: systemClock });
  return {
    open(request, ticket) {
      void asked.open(request, ticket);
    },
    leave(mount, request) {
      const isAsked = asked.has(mount);
      void asked.leave(mount).then(() => {
        if (request !== undefined) native.answer(request, SQLITE_OK);
      });
      return isAsked;
    },
    changeRole(request, { name }, isWriter) {
      const change = isWriter ? host.promote : host.demote;
      change(name).then(
        () => native.answer(request, SQLITE_OK),
        (error: unknown) => {
          const message = error instanceof Error ? error.message : String(error);
          native.answer(request, resultOf(error), undefined, message);
        },
      );
    },
  };
}

function resultOf(error: unknown): number {
  return HeadwaterError.is(error) ? ROLE_RESULT[error.remedy] : SQLITE_ERROR;
}
