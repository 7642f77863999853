/** Does something for each of many, so many of them at the same time; the answers are in their order. The first failure ends it. */
export async function eachAtOnce<Item, Result>(
  items: readonly Item[],
  atOnce: number,
  work: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  const entries = items.entries();
  let hasFailed = false;
  const workThrough = async () => {
    for (const [at, item] of entries) {
      if (hasFailed) return;
      results[at] = await work(item).catch((error: unknown) => {
        hasFailed = true;
        throw error;
      });
    }
  };
  const workers = await Promise.allSettled(Array.from({ length: atOnce }, workThrough));
  for (const worker of workers) if (worker.status === "rejected") throw worker.reason;
  return results;
}
