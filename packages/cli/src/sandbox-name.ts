/** A sandbox by the beginning of its id. */
import type { Alcove, Sandbox } from "alcove";
import { UsageError } from "./exit-codes.js";

const idPattern = /^[0-9a-f]{1,8}(?:-[0-9a-f-]*)?$/;
const idLength = 36;

/** Refuses what cannot be an id before it asks for the server. */
export async function findSandbox(open: () => Promise<Alcove>, text: string, signal: AbortSignal): Promise<Sandbox> {
  if (!idPattern.test(text)) {
    throw new UsageError(
      `${JSON.stringify(text)} is not the beginning of a sandbox's id.`,
      "`alcove list` shows the ids.",
    );
  }
  const alcove = await open();
  if (text.length === idLength) return alcove.sandboxes.connect(text);
  const ids: string[] = [];
  for await (const { id } of alcove.sandboxes.list({ signal })) if (id.startsWith(text)) ids.push(id);
  const [only] = ids;
  if (only !== undefined && ids.length === 1) return alcove.sandboxes.connect(only);
  const seen =
    ids.length === 0 ? `No sandbox's id begins with ${text}.` : `${ids.length} sandboxes' ids begin with ${text}.`;
  const hint = ids.length === 0 ? "`alcove list` shows the ids." : `Write more of it: ${ids.slice(0, 5).join(", ")}.`;
  throw Object.assign(new Error(seen), { hint });
}
