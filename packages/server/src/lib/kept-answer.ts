/** The answer to a question that is asked seldom: kept for a while, and a failure for a shorter one. */

interface Kept {
  readonly keptMs: number;
  readonly failureKeptMs: number;
  readonly now: () => number;
}

/** Those who ask meanwhile share one answer. */
export function keptAnswer<T>(ask: () => Promise<T>, { keptMs, failureKeptMs, now }: Kept): () => Promise<T> {
  let last: { readonly until: number; readonly answer: Promise<T> } | undefined;
  return () => {
    if (last !== undefined && now() <= last.until) return last.answer;
    const answer = ask();
    const began = now();
    const asked = { until: began + keptMs, answer };
    last = asked;
    answer.catch(() => {
      if (last === asked) last = { until: began + failureKeptMs, answer };
    });
    return answer;
  };
}
