/** Snapshots by what is typed: an id, the beginning of one, or a name that only one has. */
import type { Snapshot } from "@alcove/contract";
import type { Alcove } from "alcove";

const idLength = 36;

export async function findSnapshot({ snapshots }: Alcove, text: string, signal: AbortSignal): Promise<Snapshot> {
  if (text.length === idLength) return snapshots.get(text, { signal });
  const found: Snapshot[] = [];
  for await (const snapshot of snapshots.list({ signal }))
    if (snapshot.name === text || snapshot.id.startsWith(text)) found.push(snapshot);
  const [only] = found;
  if (only !== undefined && found.length === 1) return only;
  const ids = found.slice(0, 5).map(({ id }) => id);
  throw only === undefined
    ? failure(`No snapshot has the name ${text}, or an id that begins so.`, "`alcove snapshot ls` shows them.")
    : failure(`${found.length} snapshots are called ${text}.`, `Say which: ${ids.join(", ")}.`);
}

function failure(sentence: string, hint: string): Error {
  return Object.assign(new Error(sentence), { hint });
}
