import { readFile } from "node:fs/promises";
import type { GroupEgress } from "@alcove/contract";
import { type Command, InvalidArgumentError, Option } from "commander";
import type { Cli } from "../cli.js";
import { examples } from "../examples.js";
import { UsageError } from "../exit-codes.js";
import { pairs } from "../option-values.js";
import { addOutputOptions } from "../output/output.js";
import { lines } from "../output/table.js";

interface Options {
  readonly resolve?: Record<string, string>;
  readonly trust?: string;
  readonly unset?: readonly string[];
}

export function addEgressUpstream(egress: Command, cli: Cli): void {
  const command = egress
    .command("upstream")
    .summary("show or change where the group's names lead, and whose certificates count there")
    .description(
      "Show where the names of the group's sandboxes lead, and which authorities are believed beside the system's; with options, change it first. What is not named stays. A private address needs a transport rule in the policy as well.",
    )
    .option(
      "--resolve <host=address>",
      "the address of a host, in place of what the resolver says; repeat for more",
      pairs,
    )
    .option("--trust <file>", "PEM certificates of authorities, in place of those that were given before")
    .addOption(new Option("--unset <what>", "take away: trust, or resolve:HOST; repeat for more").argParser(unsetOf));
  addOutputOptions(command, { quiet: false }).action(async (options: Options) => {
    const { egressPolicies } = (await cli.alcove()).defaultGroup;
    const present = await egressPolicies.settings({ signal: cli.signal });
    const changed = await changedSettings(present, options);
    const settings = isAsked(options) ? await egressPolicies.setSettings(changed, { signal: cli.signal }) : present;
    await cli.output.value(settings, () => lines(settingLines(settings)));
  });
  examples(command, [
    ["alcove egress upstream", ""],
    ["alcove egress upstream --resolve db.example.com=192.0.2.7", ""],
    ["alcove egress upstream --unset resolve:db.example.com --unset trust", "take away"],
  ]);
}

function unsetOf(word: string, before: readonly string[] = []): string[] {
  if (word !== "trust" && !/^resolve:./.test(word)) throw new InvalidArgumentError("It must be trust or resolve:HOST.");
  return [...before, word];
}

function isAsked({ resolve, trust, unset }: Options): boolean {
  return resolve !== undefined || trust !== undefined || unset !== undefined;
}

async function changedSettings(
  { resolverOverrides = {}, upstreamCertificates = "" }: GroupEgress,
  { resolve = {}, trust, unset = [] }: Options,
): Promise<GroupEgress> {
  const overrides = Object.entries({ ...resolverOverrides, ...resolve });
  const certificates = unset.includes("trust") ? "" : upstreamCertificates;
  return {
    resolverOverrides: Object.fromEntries(overrides.filter(([host]) => !unset.includes(`resolve:${host}`))),
    upstreamCertificates: trust === undefined ? certificates : await contentOf(trust),
  };
}

function contentOf(path: string): Promise<string> {
  return readFile(path, "utf8").catch((failure: Error) => {
    throw new UsageError(`The file ${path} cannot be read: ${failure.message}.`, "Name a file of PEM certificates.");
  });
}

function settingLines({ resolverOverrides = {}, upstreamCertificates = "" }: GroupEgress): string[] {
  const count = upstreamCertificates.match(/BEGIN CERTIFICATE/g)?.length ?? 0;
  return [
    ...Object.entries(resolverOverrides).map(([host, address]) => `${host} leads to ${address}`),
    `${count} authorities are believed beside the system's`,
  ];
}
