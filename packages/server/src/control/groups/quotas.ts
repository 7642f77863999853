import { AlcoveError } from "@alcove/contract";
import { type Amounts, exceeds } from "../../lifecycle/quota.js";
import type { GroupRecord } from "../../store/groups.js";

/**
 * Refuses what would take the group beyond its quota. It holds only where what is asked for is recorded before anything
 * is awaited.
 */
export function requireQuota({ name, quota, used }: GroupRecord, asked: Partial<Amounts>): void {
  const excess = exceeds(quota, used, asked);
  if (excess === undefined) return;
  throw new AlcoveError("QuotaExceeded", `The quota of the group ${name} does not allow it: ${excess.sentence}.`, {
    field: `quota.${excess.measure}`,
  });
}
