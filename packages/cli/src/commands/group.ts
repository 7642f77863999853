import type { Quota, Tier, UpdateGroup } from "@alcove/contract";
import { type Command, InvalidArgumentError } from "commander";
import type { Cli } from "../cli.js";
import { tierOption } from "../creation.js";
import { policyOf } from "../egress/policy-options.js";
import { examples } from "../examples.js";
import { changedQuota, type Limit, limitOf, limits } from "../group-quota.js";
import { addRetention } from "../group-retention.js";
import { addLifecycleOptions, type LifecycleOptions, newPolicy } from "../lifecycle-options.js";
import { pairs } from "../option-values.js";
import { addOutputOptions } from "../output/output.js";
import { groupView } from "../views/group.js";

export function addGroup(program: Command, cli: Cli): void {
  const group = program
    .command("group")
    .summary("list, create, change and delete groups")
    .description("Who shares sandboxes, images, quota and bill. `default` is always there.");
  for (const add of [addList, addGet, addCreate, addUpdate, addQuota, addRetention, addDelete]) add(group, cli);
  examples(group, [
    ["alcove group create team-a --cores 4 --memory 8Gi", "with a quota"],
    ["alcove group list", "with what each uses"],
    ["alcove --group team-a create debian", "work in it"],
  ]);
}

function addList(group: Command, cli: Cli): void {
  const command = group
    .command("list")
    .alias("ls")
    .summary("list groups")
    .description("List the groups that you have a role in, with what they use of their quota.")
    .option("-t, --tag <key=value>", "only those that have it; repeat for more", pairs);
  addOutputOptions(command).action(async ({ tag: tags }: { tag?: Record<string, string> }) => {
    const { groups } = await cli.alcove();
    await cli.output.list(groupView, await groups.list({ tags, signal: cli.signal }).toArray());
  });
  examples(command, [["alcove group list --tag cost=42", ""]]);
}

function addGet(group: Command, cli: Cli): void {
  const command = group
    .command("get")
    .summary("show one group")
    .description("Show a group with its tags, defaults and quota, and what is used.")
    .argument("<name>", "the group");
  addOutputOptions(command).action(async (name: string) =>
    cli.output.one(groupView, await (await cli.alcove()).groups.get(name, { signal: cli.signal })),
  );
  examples(command, [["alcove group get default", ""]]);
}

interface DefaultOptions extends LifecycleOptions {
  readonly tag?: Record<string, string>;
  readonly image?: string;
  readonly tier?: Tier;
  readonly egressPolicy?: string;
  readonly egressPolicyId?: string;
}

function addDefaultOptions(command: Command): Command {
  return addLifecycleOptions(command)
    .option("-t, --tag <key=value>", "to tell it by; repeat for more", pairs)
    .option("--image <name>", "what its sandboxes start from where they say nothing else")
    .option(
      "--egress-policy <file>",
      "what its sandboxes may reach where they say nothing else: a policy, as YAML or JSON",
    )
    .option("--egress-policy-id <name>", "the same, by the name of one of its policies")
    .addOption(tierOption("the size of its sandboxes where they say nothing else"));
}

async function defaultsOf({ image, tier, egressPolicy, egressPolicyId, ...options }: DefaultOptions) {
  const lifecycle = newPolicy(options);
  const egress = await policyOf({ ...(egressPolicy && { egressPolicy }), ...(egressPolicyId && { egressPolicyId }) });
  return {
    ...(lifecycle === undefined ? {} : { lifecycle }),
    ...(image === undefined ? {} : { diskImage: { name: image } }),
    ...(tier === undefined ? {} : { resources: { tier } }),
    ...(typeof egress === "string" ? { egressPolicyId: egress } : egress && { egressPolicy: egress }),
  };
}

function addCreate(group: Command, cli: Cli): void {
  const command = group
    .command("create")
    .summary("create a group")
    .description("Create a group. What is not given has no limit, and no default.")
    .argument("<name>", "1 to 32 letters, digits and hyphens");
  addOutputOptions(addQuotaOptions(addDefaultOptions(command))).action(
    async (name: string, options: DefaultOptions & QuotaOptions) => {
      const { groups } = await cli.alcove();
      const body = { name, tags: options.tag, defaults: await defaultsOf(options), quota: quotaOf(options) };
      await cli.output.one(groupView, await groups.create(body, { signal: cli.signal }));
    },
  );
  examples(command, [
    ["alcove group create team-b --tag cost=42 --image debian --tier S", "with defaults"],
    ["alcove group create team-d --suspend-after 10m --delete-after 7d", "its sandboxes sleep when nobody uses them"],
    ["alcove group create team-c --cores 4 --memory 8Gi --sandboxes 20", "with a quota"],
  ]);
}

interface UpdateOptions extends DefaultOptions {
  readonly unset?: readonly string[];
}

const removable = ["image", "size", "lifecycle", "egress"] as const;
const defaultsBy = {
  image: ["diskImage"],
  size: ["resources"],
  lifecycle: ["lifecycle"],
  egress: ["egressPolicy", "egressPolicyId"],
} as const;

function addUpdate(group: Command, cli: Cli): void {
  const command = group
    .command("update")
    .summary("change a group's tags and defaults")
    .description(
      "Change tags and defaults of a group. What is not named stays; sandboxes that are there stay as they are.",
    )
    .argument("<name>", "the group");
  addOutputOptions(addDefaultOptions(command))
    .option(
      "--unset <what>",
      `take away a default (${removable.join(", ")}) or a tag (tag:KEY); repeat for more`,
      (word: string, before: readonly string[] = []) => [...before, word],
    )
    .action(async (name: string, options: UpdateOptions) => {
      const { groups } = await cli.alcove();
      await cli.output.one(groupView, await groups.update(name, await changesOf(options), { signal: cli.signal }));
    });
  examples(command, [
    ["alcove group update default --image debian --tier S", ""],
    ["alcove group update default --egress-policy policy.yaml", "what its sandboxes may reach from now on"],
    ["alcove group update default --unset size --unset tag:cost", "take away"],
  ]);
}

async function changesOf({ unset = [], ...options }: UpdateOptions): Promise<UpdateGroup> {
  const tags: Record<string, string | null> = { ...options.tag };
  const defaults: Record<string, unknown> = await defaultsOf(options);
  for (const word of unset) {
    const key = removable.find((name) => name === word);
    if (key !== undefined) for (const named of defaultsBy[key]) defaults[named] = null;
    else if (word.startsWith("tag:")) tags[word.slice("tag:".length)] = null;
    else throw new InvalidArgumentError(`--unset takes ${removable.join(", ")} or tag:KEY; got ${word}.`);
  }
  return { tags, defaults };
}

interface QuotaOptions {
  readonly cores?: number;
  readonly memory?: string;
  readonly disk?: string;
  readonly sandboxes?: number;
  readonly images?: number;
  readonly snapshots?: number;
}

function addQuotaOptions(command: Command): Command {
  return command
    .option("--cores <number>", "cores of sandboxes that run, such as 4 or 0.5", amount)
    .option("--memory <size>", "memory of sandboxes that run, such as 8Gi")
    .option("--disk <size>", "disk of all sandboxes, such as 200Gi")
    .option("--sandboxes <number>", "sandboxes, also those that stopped", amount)
    .option("--images <number>", "images of its own", amount)
    .option("--snapshots <number>", "snapshots of sandboxes", amount);
}

function quotaOf({ cores, memory, disk, sandboxes, images, snapshots }: QuotaOptions): Quota {
  return { cores, memory, disk, sandboxes, images, snapshots };
}

function addQuota(group: Command, cli: Cli): void {
  const command = group
    .command("quota")
    .summary("change what a group may have")
    .description("Change the quota of a group. What is not given stays. A quota below what is used ends nothing.")
    .argument("<name>", "the group");
  addOutputOptions(addQuotaOptions(command))
    .option(
      "--unset <limit>",
      `take away a limit (${limits.join(", ")}); repeat for more`,
      (word: string, before: readonly Limit[] = []) => [...before, limitOf(word)],
    )
    .action(async (name: string, { unset, ...options }: QuotaOptions & { readonly unset?: readonly Limit[] }) => {
      const { groups } = await cli.alcove();
      const { quota } = await groups.get(name, { signal: cli.signal });
      const changed = changedQuota(quota, quotaOf(options), unset);
      await cli.output.one(groupView, await groups.setQuota(name, changed, { signal: cli.signal }));
    });
  examples(command, [
    ["alcove group quota default --cores 8 --memory 16Gi --disk 500Gi --sandboxes 50", ""],
    ["alcove group quota default --unset cores --unset memory --unset disk --unset sandboxes", "take away"],
  ]);
}

function addDelete(group: Command, cli: Cli): void {
  const command = group
    .command("delete")
    .alias("rm")
    .summary("delete a group")
    .description("Delete a group. Its keys, roles and usage records go with it. Refused while something is in it.")
    .argument("<name>", "the group")
    .option("--force", "delete everything in it too")
    .action(async (name: string, { force }: { force?: true }) => {
      await (await cli.alcove()).groups.delete(name, { force: force ?? false, signal: cli.signal });
    });
  examples(command, [["alcove group delete team-a --force", "with everything in it"]]);
}

function amount(text: string): number {
  if (!/^\d{1,7}(?:\.\d{1,3})?$/.test(text)) throw new InvalidArgumentError("It must be a number such as 4 or 0.5.");
  return Number(text);
}
