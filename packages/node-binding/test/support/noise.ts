/**
 * Text that does not compress well, always the same, made by SQL.
 */

const NEXT = (value: string): string => `(${value} * 1103515245 + 12345) % 2147483648`;

/** A query with so many rows of one text, of so many words of eight digits each. */
export function noiseQuery(rows: number, words: number): string {
  return `
    with recursive n(i, x) as (
      select 1, 12345
      union all select i + 1, ${NEXT("x")} from n where i < ${rows})
    select (
      with recursive m(j, y, t) as (
        select 0, x, ''
        union all select j + 1, ${NEXT("y")}, t || printf('%08x', y) from m where j < ${words})
      select t from m where j = ${words}) from n`;
}
