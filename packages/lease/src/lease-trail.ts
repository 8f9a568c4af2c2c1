/**
 * What a holder leaves behind in a place of its own, so that whoever comes next there can tell that
 * a record was put by a process that is gone.
 *
 * A record is put by compare-and-swap, and each put has a nonce of its own. So while the newest
 * nonce of a dead process is still in the record, nobody else has had the lease since.
 */

export interface LeaseTrail {
  /**
   * Nonces of processes that are known to be dead: a record with one of these is taken over at
   * once. Whoever gives them answers for it, since the store's clock is not asked.
   */
  readonly left: readonly string[];
  /**
   * Told, as each put is sent, of the nonces of the last puts: the record may have any of them.
   * Nobody waits for it. What is not kept costs the next one the wait for the expiry, no more.
   */
  keep(nonces: readonly string[]): void;
}
