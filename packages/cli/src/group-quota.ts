/** A group's quota, changed in some of its limits: the server takes it as a whole. */
import type { Quota } from "@alcove/contract";
import { InvalidArgumentError } from "commander";

export const limits = [
  "cores",
  "memory",
  "disk",
  "sandboxes",
  "images",
  "snapshots",
] as const satisfies readonly (keyof Quota)[];
export type Limit = (typeof limits)[number];

/** For an option that names one. */
export function limitOf(word: string): Limit {
  const limit = limits.find((name) => name === word);
  if (limit === undefined) throw new InvalidArgumentError(`There are the limits ${limits.join(", ")}.`);
  return limit;
}

/** What is neither given nor taken away stays. */
export function changedQuota(present: Quota, given: Quota, unset: readonly Limit[] = []): Quota {
  return Object.fromEntries(
    limits.flatMap((limit) => {
      const value = given[limit] ?? (unset.includes(limit) ? undefined : present[limit]);
      return value === undefined ? [] : [[limit, value]];
    }),
  );
}
