import { AlcoveError, type ErrorCode } from "@alcove/contract";

const usersTold = 3;

export interface UsedThing {
  readonly code: Extract<ErrorCode, "SecretInUse" | "EgressRouteInUse" | "EgressPolicyInUse">;
  /** As a sentence names it: "the secret github". */
  readonly called: string;
  readonly field: string;
  readonly value: string;
}

/** Refuses what takes away a thing that has users: "the sandbox 3f2a". */
export function requireUnused(users: readonly string[], { code, called, field, value }: UsedThing): void {
  if (users.length === 0) return;
  throw new AlcoveError(code, `Of ${called} there is still use: ${told(users)}.`, { field, value });
}

/** The first few of them, and how many more. */
export function told(users: readonly string[]): string {
  const more = users.length > usersTold ? ` and ${users.length - usersTold} more` : "";
  return `${users.slice(0, usersTold).join(", ")}${more}`;
}
