import type { CreatedKey, Key } from "@alcove/contract";
import { age } from "../output/table.js";
import type { View } from "../output/view.js";

export const keyView: View<Key> = {
  name: ({ id }) => id,
  columns: [
    { heading: "ID", value: ({ id }) => id },
    { heading: "NAME", value: ({ name }) => name },
    { heading: "MAY", value: mayText },
    { heading: "STATE", value: stateText },
    { heading: "AGE", value: ({ createdAt }) => age(createdAt, Date.now()) },
    { heading: "USED", value: ({ lastUsedAt }) => lastUsedAt && age(lastUsedAt, Date.now()) },
    { heading: "EXPIRES", value: ({ expiresAt }) => expiresAt },
    { heading: "BY", value: ({ createdBy }) => createdBy },
  ],
};

/** With `--quiet` the key itself is printed, for a file or a variable. */
export const createdKeyView: View<CreatedKey> = {
  name: ({ key }) => key,
  columns: [
    { heading: "ID", value: ({ id }) => id },
    { heading: "NAME", value: ({ name }) => name },
    { heading: "MAY", value: mayText },
    { heading: "EXPIRES", value: ({ expiresAt }) => expiresAt },
    { heading: "KEY", value: ({ key }) => key },
  ],
};

function mayText({ isAdmin, scopes }: Key): string {
  return isAdmin ? "administer" : scopes.map(({ group, role }) => `${group}=${role}`).join(",");
}

function stateText({ revokedAt, expiresAt }: Key): string {
  if (revokedAt !== undefined) return "revoked";
  return expiresAt !== undefined && Date.parse(expiresAt) <= Date.now() ? "expired" : "valid";
}
