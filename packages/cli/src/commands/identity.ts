import type { GroupIdentity, RotatedKeys } from "@alcove/contract";
import type { Command } from "commander";
import type { Cli } from "../cli.js";
import { examples } from "../examples.js";
import { UsageError } from "../exit-codes.js";
import { durationMs, names } from "../option-values.js";
import { addOutputOptions } from "../output/output.js";
import { lines } from "../output/table.js";

interface SetOptions {
  readonly audience?: readonly string[];
  readonly lifetime?: number;
}

export function addIdentity(program: Command, cli: Cli): void {
  const identity = program
    .command("identity")
    .summary("say what the group is to the outside")
    .description(
      "Tokens that the server signs for the group's sandboxes, and whom they may be for: services that trust the server as an issuer, and the server itself.",
    );
  for (const add of [addShow, addSet, addToken, addRotate]) add(identity, cli);
  examples(identity, [
    ["alcove identity set --audience https://vault.example.com", ""],
    ["alcove identity show", ""],
  ]);
}

function addShow(identity: Command, cli: Cli): void {
  const command = identity.command("show").summary("show whom the group's tokens may be for");
  addOutputOptions(command, { quiet: false }).action(async () => {
    const shown = await (await cli.alcove()).defaultGroup.identity.get({ signal: cli.signal });
    await cli.output.value(shown, () => lines(identityLines(shown)));
  });
  examples(command, [["alcove identity show -o json", ""]]);
}

function addSet(identity: Command, cli: Cli): void {
  const command = identity
    .command("set")
    .summary("say whom the group's tokens may be for")
    .description("Replaces what was said before. Without an audience the group has no identity.")
    .option(
      "--audience <name>",
      "whom tokens may be for, with a * at the end all that begin so; repeat for more",
      names,
    )
    .option("--lifetime <time>", "how long a token is good: 5m to 1h; 15m if not given", durationMs);
  addOutputOptions(command, { quiet: false }).action(async ({ audience = [], lifetime }: SetOptions) => {
    if (lifetime !== undefined && audience.length === 0)
      throw new UsageError(
        "--lifetime alone would take the identity away: audiences are replaced too.",
        "Name all of them again with --audience; `alcove identity show` has them.",
      );
    const wanted = {
      audiences: [...audience],
      ...(lifetime !== undefined && { tokenLifetimeSeconds: lifetime / 1_000 }),
    };
    const set = await (await cli.alcove()).defaultGroup.identity.set(wanted, { signal: cli.signal });
    await cli.output.value(set, () => lines(identityLines(set)));
  });
  examples(command, [
    ["alcove identity set --audience alcove --audience 'https://*' --lifetime 10m", ""],
    ["alcove identity set", "no identity"],
  ]);
}

function addToken(identity: Command, cli: Cli): void {
  const command = identity
    .command("token")
    .summary("print a token of the group, to try it")
    .argument("<resource>", "whom it is for");
  addOutputOptions(command, { quiet: false }).action(async (resource: string) => {
    const issued = await (await cli.alcove()).defaultGroup.identity.token(resource, { signal: cli.signal });
    await cli.output.value(issued, () => lines([issued.token]));
  });
  examples(command, [["alcove identity token alcove", ""]]);
}

function addRotate(identity: Command, cli: Cli): void {
  const command = identity
    .command("rotate")
    .summary("have tokens signed with a new key")
    .description(
      "For the server's administrator. Tokens that are out stay good: the former key is published until they are over.",
    );
  addOutputOptions(command, { quiet: false }).action(async () => {
    const rotated = await (await cli.alcove()).rotateIssuerKeys({ signal: cli.signal });
    await cli.output.value(rotated, () => lines(rotationLines(rotated)));
  });
  examples(command, [["alcove identity rotate", ""]]);
}

function identityLines({ audiences, subject, issuer, tokenLifetimeSeconds }: GroupIdentity): string[] {
  const none = "the group has no identity: its tokens may be for nobody";
  return [
    ...(audiences.length === 0 ? [none] : audiences.map((audience) => `tokens may be for ${audience}`)),
    `they are good for ${tokenLifetimeSeconds} seconds`,
    `their subject is ${subject}`,
    issuer === undefined ? "this server issues none: issuerUrl is not set" : `their issuer is ${issuer}`,
  ];
}

function rotationLines({ keyId, formerUntil }: RotatedKeys): string[] {
  const former = formerUntil === undefined ? [] : [`the key before it is published until ${formerUntil}`];
  return [`tokens are signed with ${keyId}`, ...former];
}
