/**
 * The same work on each of many things, some at a time, begun in their order.
 *
 * Always true: after a failure nothing more is begun, and it rejects with the first one once
 * everything that was under way has ended.
 */
export async function inParallel<Item>(
  items: Iterable<Item>,
  countMax: number,
  work: (item: Item) => Promise<void>,
): Promise<void> {
  const iterator = items[Symbol.iterator]();
  let hasFailed = false;
  let failure: unknown;
  const goOn = async () => {
    while (!hasFailed) {
      const { done, value } = iterator.next();
      if (done === true) return;
      try {
        await work(value);
      } catch (error) {
        if (!hasFailed) failure = error;
        hasFailed = true;
      }
    }
  };
  await Promise.all(Array.from({ length: countMax }, goOn));
  if (hasFailed) throw failure;
}
