/** A meter that keeps what it is told, for tests to compare with what a server has seen. */

import type { Operation, RequestMeter } from "@headwater/object-store";

export class CountingMeter implements RequestMeter {
  readonly kinds: Operation[] = [];
  endedCount = 0;
  failed = 0;
  retries = 0;
  bytesSent = 0;
  bytesReceived = 0;

  sent(kind: Operation, bytes: number): void {
    this.kinds.push(kind);
    this.bytesSent += bytes;
  }

  ended(_kind: Operation, bytesReceived: number, isFailed: boolean): void {
    this.endedCount += 1;
    this.bytesReceived += bytesReceived;
    if (isFailed) this.failed += 1;
  }

  retried(): void {
    this.retries += 1;
  }
}
