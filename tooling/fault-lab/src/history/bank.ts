/**
 * The database of a run: accounts on pages, whose balances always sum up to the same, and on each
 * page which commit wrote it last. So any set of pages says by itself whether a sequence of commits
 * produced it, and which one.
 *
 * Page 1 names the newest commit and the number of pages; the others hold an account each.
 */

import type { Dice } from "../dice.ts";
import type { CommitId, Found } from "./history.ts";

export const PAGE_SIZE = 512;
const ACCOUNTS = 8;
const BALANCE = 100;
const PAGES_MIN = 4;
const PAGES_MAX = 16;

/** One page. */
export interface Cell {
  readonly commit: CommitId;
  /** Of page 1: the number of pages. */
  readonly balance: number;
}

/** The first cell is that of page 1. */
export type Bank = readonly Cell[];

/** What one transaction writes. */
export interface Change {
  readonly bank: Bank;
  /** Ascending. */
  readonly pgnos: readonly number[];
}

export function createBank(id: CommitId): Change {
  const accounts = Array.from({ length: ACCOUNTS }, () => ({ commit: id, balance: BALANCE }));
  const bank = [{ commit: id, balance: ACCOUNTS + 1 }, ...accounts];
  return { bank, pgnos: bank.map((_, index) => index + 1) };
}

/** Money from one account to another; now and then accounts are opened or closed besides. */
export function transfer(before: Bank, id: CommitId, dice: Dice): Change {
  const cells = [...before];
  const changed = new Set([1]);
  const put = (pgno: number, balance: number) => {
    cells[pgno - 1] = { commit: id, balance };
    changed.add(pgno);
  };
  const draw = dice.random();
  if (draw < 0.1 && cells.length + 2 <= PAGES_MAX) {
    for (let count = dice.whole(1, 2); count > 0; count -= 1) put(cells.length + 1, 0);
  } else if (draw < 0.2 && cells.length > PAGES_MIN) {
    const closed = cells.splice(dice.whole(PAGES_MIN, cells.length - 1));
    const rest = closed.reduce((sum, { balance }) => sum + balance, 0);
    put(2, cells[1]!.balance + rest);
  }
  const [from, to] = [dice.whole(2, cells.length), dice.whole(2, cells.length)];
  const amount = dice.whole(1, 20);
  put(from, cells[from - 1]!.balance - amount);
  put(to, cells[to - 1]!.balance + amount);
  put(1, cells.length);
  return { bank: cells, pgnos: [...changed].filter((pgno) => pgno <= cells.length).sort(byValue) };
}

export function sumOf(bank: Bank): number {
  return bank.slice(1).reduce((sum, { balance }) => sum + balance, 0);
}

export const TOTAL: number = ACCOUNTS * BALANCE;

export function encodePage(pgno: number, { commit, balance }: Cell): Uint8Array {
  const page = new Uint8Array(PAGE_SIZE);
  const view = new DataView(page.buffer);
  view.setUint32(0, pgno);
  view.setUint32(4, commit);
  view.setInt32(8, balance);
  // Each page has bytes of its own to the end, so that two halves do not make a whole.
  for (let at = 12; at < PAGE_SIZE; at += 4) view.setUint32(at, Math.imul(commit, at) ^ pgno);
  return page;
}

/** The commit that page 1 names. */
export function commitOf(page1: Uint8Array): CommitId {
  return new DataView(page1.buffer, page1.byteOffset).getUint32(4);
}

/** What all pages of a database say together, given what every commit left behind. */
export function identify(pages: readonly Uint8Array[], banks: ReadonlyMap<CommitId, Bank>): Found {
  const [page1] = pages;
  if (page1 === undefined) return { type: "empty" };
  const id = commitOf(page1);
  const bank = banks.get(id);
  if (bank === undefined) return { type: "torn", why: `page 1 of commit ${id}, which is none` };
  if (bank.length !== pages.length) {
    return { type: "torn", why: `${pages.length} pages of commit ${id}, which has ${bank.length}` };
  }
  for (const [index, page] of pages.entries()) {
    const why = findDifference(index + 1, page, bank, id);
    if (why !== undefined) return { type: "torn", why };
  }
  return { type: "commit", id };
}

/** How a page differs from what it is in a bank. */
export function findDifference(
  pgno: number,
  page: Uint8Array,
  bank: Bank,
  id: CommitId,
): string | undefined {
  const cell = bank[pgno - 1];
  if (cell === undefined) return `page ${pgno}, which commit ${id} does not have`;
  if (Buffer.compare(page, encodePage(pgno, cell)) === 0) return undefined;
  return `page ${pgno} of commit ${commitOf(page)} where commit ${id} has that of ${cell.commit}`;
}

function byValue(a: number, b: number): number {
  return a - b;
}
