/**
 * Numbers that C and TypeScript must agree on. A test compares them with native/headwater.h and
 * native/sqlite3/sqlite3.h.
 */

import type { DeviceErrorCode } from "@headwater/vfs-core";

export const REQUEST_KIND = {
  HW_REQUEST_READ: 1,
  HW_REQUEST_SYNC: 2,
  HW_NOTICE_COMMIT: 3,
  HW_REQUEST_COMMIT: 4,
  HW_NOTICE_FULL: 5,
} as const;

export const SQLITE_OK = 0;
export const SQLITE_BUSY = 5;
export const SQLITE_IOERR = 10;
export const SQLITE_CORRUPT = 11;

/** Complete by type: a new code does not compile until it is placed here. */
export const SQLITE_RESULT = {
  READ_FAILED: SQLITE_IOERR,
  CORRUPT: SQLITE_CORRUPT,
  BUSY: SQLITE_BUSY,
  SYNC_FAILED: SQLITE_IOERR,
  CLOSED: SQLITE_IOERR,
} as const satisfies Record<DeviceErrorCode, number>;
