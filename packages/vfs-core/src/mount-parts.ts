/**
 * What a mount is made of, whatever its role: the device, the pages, and who waits for them.
 */

import type { DeviceFactory } from "./device-factory.ts";
import type { MountBase } from "./mount-base.ts";
import type { Tell } from "./mount-event.ts";
import type { MountSettings } from "./options.ts";
import type { PageDevice } from "./page-device.ts";
import type { PageService } from "./page-service.ts";
import type { Pasts } from "./travel/pasts.ts";
import type { TxidWaiters } from "./txid-waiters.ts";

export interface MountParts {
  readonly settings: MountSettings;
  readonly base: MountBase;
  readonly factory: DeviceFactory;
  readonly device: PageDevice;
  readonly service: PageService;
  readonly waiters: TxidWaiters;
  readonly pasts: Pasts;
  readonly tell: Tell;
}
