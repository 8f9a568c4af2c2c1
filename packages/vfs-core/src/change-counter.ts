/**
 * The number that stands for a transaction where SQLite looks for its change counter.
 *
 * Always true: it grows with the transaction, by as much. So do the numbers of write mode with
 * each commit, and after a change of modes each goes on from the last of the other: within 2^32
 * changes no number comes back, and nothing that a connection has cached is taken for something
 * newer.
 */
export class ChangeCounter {
  #aheadOfTxid = 0;

  at(txid: bigint): number {
    return (low(txid) + this.#aheadOfTxid) >>> 0;
  }

  /** From now on this transaction has that number. */
  goOnFrom(number: number, txid: bigint): void {
    this.#aheadOfTxid = (number - low(txid)) >>> 0;
  }
}

function low(txid: bigint): number {
  return Number(BigInt.asUintN(32, txid));
}
