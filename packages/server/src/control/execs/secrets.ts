/** Which secrets of a sandbox enter it: those that are asked for by name, with the exec that asked. */
import { AlcoveError } from "@alcove/contract";
import type { Store } from "../../store/store.js";

export type Secrets = Readonly<Record<string, string>>;

/** Those of these names. A name that the sandbox has no secret of is InvalidRequest. */
export function namedSecrets({ secrets }: Store, sandboxId: string, names: readonly string[] = []): Secrets {
  return Object.fromEntries(
    names.map((name) => [
      name,
      secrets.find(sandboxId, name) ?? unknownSecret("secrets", name, secrets.names(sandboxId)),
    ]),
  );
}

/** The names that a program started with the sandbox asks for are among those that come with it. */
export function requireEntrypointSecrets(names: readonly string[], given: Secrets): void {
  const unknown = names.find((name) => !Object.hasOwn(given, name));
  if (unknown !== undefined) unknownSecret("entrypointSecrets", unknown, Object.keys(given));
}

const namesTold = 20;

function unknownSecret(field: string, name: string, known: readonly string[]): never {
  const more = known.length > namesTold ? ` and ${known.length - namesTold} more` : "";
  const hint =
    known.length === 0
      ? "Give secrets with secretEnvironment when the sandbox is created."
      : `Its secrets are ${known.slice(0, namesTold).join(", ")}${more}.`;
  throw new AlcoveError("InvalidRequest", `The sandbox has no secret ${name}.`, { field, value: name, hint });
}
