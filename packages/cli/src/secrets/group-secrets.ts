/** Which of the group's secrets a new sandbox uses: `ENV=SECRET` and `ENV=SECRET/KEY`. */
import type { SandboxSecrets } from "@alcove/contract";
import type { Command } from "commander";
import { UsageError } from "../exit-codes.js";
import { secretRef } from "./secret-ref.js";

export interface GroupSecretOptions {
  readonly groupSecret?: string[];
  readonly groupSecretValue?: string[];
}

export function addGroupSecretOptions(command: Command): Command {
  return command
    .option(
      "--group-secret <env=secret/key>",
      "a placeholder in this variable for a secret of the group's: see `alcove secret`; repeat for more",
      gathered,
    )
    .option(
      "--group-secret-value <env=secret/key>",
      "the value itself, which its snapshots have too: of secrets without hosts alone",
      gathered,
    );
}

export function groupSecretsOf(options: GroupSecretOptions): SandboxSecrets | undefined {
  const { groupSecret = [], groupSecretValue = [] } = options;
  const references = [
    ...groupSecret.map((text) => referenceOf(text, "--group-secret")),
    ...groupSecretValue.map((text) => referenceOf(text, "--group-secret-value")),
  ];
  requireOnce(references.map(([name]) => name));
  return references.length === 0 ? undefined : Object.fromEntries(references);
}

function requireOnce(names: readonly string[]): void {
  const twice = names.find((name, at) => names.indexOf(name) !== at);
  if (twice !== undefined) throw new UsageError(`The variable ${twice} is given twice.`, "Give each variable once.");
}

function referenceOf(
  text: string,
  option: "--group-secret" | "--group-secret-value",
): [string, SandboxSecrets[string]] {
  const [, name, secret = ""] = /^([A-Za-z_][A-Za-z0-9_]*)=(.+)$/.exec(text) ?? [];
  const ref = secretRef(secret);
  if (name === undefined || ref === undefined)
    throw new UsageError(
      `${option} takes ENV=SECRET or ENV=SECRET/KEY.`,
      "alcove create --group-secret TOKEN=github/token debian",
    );
  const delivery = option === "--group-secret-value" ? { delivery: "Value" as const } : {};
  return [name, { ...ref, ...delivery }];
}

function gathered(text: string, before: readonly string[] = []): string[] {
  return [...before, text];
}
