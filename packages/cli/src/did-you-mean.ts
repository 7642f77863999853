/** The known word that is nearest to an unknown one, where one is near enough to have been meant. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  const furthest = Math.max(1, Math.floor(word.length / 3));
  const [best] = known
    .map((each) => ({ each, steps: stepsBetween(word.toLowerCase(), each.toLowerCase()) }))
    .filter(({ steps }) => steps <= furthest)
    .sort((one, other) => one.steps - other.steps);
  return best?.each;
}

/** Letters to be added, taken away or replaced (Levenshtein). */
function stepsBetween(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, at) => at);
  for (let line = 1; line <= from.length; line++) {
    const next = [line];
    for (let at = 1; at <= to.length; at++) {
      const replaced = (row[at - 1] ?? 0) + (from[line - 1] === to[at - 1] ? 0 : 1);
      next.push(Math.min((row[at] ?? 0) + 1, (next[at - 1] ?? 0) + 1, replaced));
    }
    row = next;
  }
  return row[to.length] ?? 0;
}
