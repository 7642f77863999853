/** Which templates go so that all of them stay within what they may take of the disk. Pure. */
import type { TemplateFacts } from "../../engine.js";

/** Somebody who prepared an image is about to create from it. */
const graceMs = 60_000;

/** Of those that nothing stands on: all that nothing can start from, then the least lately used. */
export function templatesToGo(
  templates: readonly TemplateFacts[],
  { maximumBytes, now }: { readonly maximumBytes: number; readonly now: number },
): readonly TemplateFacts[] {
  const free = templates.filter(({ users, lastUsedAt }) => users.length === 0 && now - lastUsedAt >= graceMs);
  const gone = free.filter(({ isCurrent }) => !isCurrent);
  let bytes = bytesOf(templates) - bytesOf(gone);
  const rest = free.filter(({ isCurrent }) => isCurrent).sort((one, other) => one.lastUsedAt - other.lastUsedAt);
  for (const template of rest) {
    if (bytes <= maximumBytes) break;
    gone.push(template);
    bytes -= template.bytes;
  }
  return gone;
}

function bytesOf(templates: readonly TemplateFacts[]): number {
  return templates.reduce((sum, { bytes }) => sum + bytes, 0);
}
