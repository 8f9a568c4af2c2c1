/**
 * Numbers that C and TypeScript must agree on. A test compares them with native/headwater.h and
 * native/sqlite3/sqlite3.h.
 */

import type { DeviceErrorCode, Remedy } from "@headwater/vfs-core";

export const REQUEST_KIND = {
  HW_REQUEST_READ: 1,
  HW_REQUEST_SYNC: 2,
  HW_NOTICE_COMMIT: 3,
  HW_REQUEST_COMMIT: 4,
  HW_NOTICE_FULL: 5,
  HW_REQUEST_TRAVEL: 6,
  HW_NOTICE_UNUSED: 7,
  HW_REQUEST_OPEN: 8,
  HW_REQUEST_LEAVE: 9,
  HW_REQUEST_ROLE: 10,
} as const;

export const SQLITE_OK = 0;
export const SQLITE_ERROR = 1;
export const SQLITE_BUSY = 5;
export const SQLITE_IOERR = 10;
export const SQLITE_CORRUPT = 11;
export const SQLITE_CANTOPEN = 14;

/** Complete by type: a new code does not compile until it is placed here. */
export const SQLITE_RESULT = {
  READ_FAILED: SQLITE_IOERR,
  CORRUPT: SQLITE_CORRUPT,
  BUSY: SQLITE_BUSY,
  SYNC_FAILED: SQLITE_IOERR,
  CLOSED: SQLITE_IOERR,
} as const satisfies Record<DeviceErrorCode, number>;

/** Of a PRAGMA that asks for another role, by what may be done about it. */
export const ROLE_RESULT = {
  retry: SQLITE_BUSY,
  "fix-call": SQLITE_ERROR,
  "fix-store": SQLITE_ERROR,
  decide: SQLITE_ERROR,
  reopen: SQLITE_ERROR,
} as const satisfies Record<Remedy, number>;
