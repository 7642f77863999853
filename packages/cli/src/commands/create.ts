import type { AddPort, CreateOptions, Sandbox, VolumesAt } from "alcove";
import { type Command, InvalidArgumentError, Option } from "commander";
import type { Cli } from "../cli.js";
import { addSizeOptions, createManyWithProgress, createWithProgress, type SizeOptions } from "../creation.js";
import { addPolicyOptions, type PolicyOptions, policyOf } from "../egress/policy-options.js";
import { examples } from "../examples.js";
import { Exit, exitCodes, UsageError } from "../exit-codes.js";
import { type FromOptions, fromOf, fromOption } from "../from-option.js";
import { addLifecycleOptions, type LifecycleOptions, newPolicy } from "../lifecycle-options.js";
import { names, pairs } from "../option-values.js";
import { addOutputOptions } from "../output/output.js";
import { newPorts } from "../ports/new-ports.js";
import { programOf } from "../process-options.js";
import { secretPairs } from "../secret-options.js";
import { addGroupSecretOptions, type GroupSecretOptions, groupSecretsOf } from "../secrets/group-secrets.js";
import { findSnapshot } from "../snapshot-name.js";
import { sandboxView } from "../views/sandbox.js";
import { volumesAt } from "../volume-options.js";

interface Options extends SizeOptions, LifecycleOptions, FromOptions, PolicyOptions, GroupSecretOptions {
  readonly env?: Record<string, string>;
  readonly secretEnv?: Record<string, string>;
  readonly secret?: string[];
  readonly cwd?: string;
  readonly volume?: VolumesAt;
  readonly port?: AddPort[];
  readonly count?: number;
  readonly snapshot?: string;
  readonly activation?: "on-demand" | "manual";
  readonly wait: boolean;
}

export function addCreate(program: Command, cli: Cli): void {
  const command = program
    .command("create")
    .summary("create a sandbox")
    .description(
      "Create a sandbox, start it and print its id. The image is built first where it is not there yet. With --count, create many and print the ids of those that are there.",
    )
    .argument("[image]", "the image, such as debian; where a program follows it must be named. Default: the group's")
    .argument("[program...]", "a program to start with it, behind -- if you like");
  addGroupSecretOptions(addOutputOptions(addPolicyOptions(addLifecycleOptions(addSizeOptions(command)))))
    .option("-e, --env <key=value>", "given to every program in it; repeat for more", pairs)
    .option("--secret-env <name>", "a secret, of this variable here, or NAME=@FILE: see exec --secret", secretPairs)
    .option("--secret <name>", "add this secret to the environment of the program started with it", names)
    .option("-w, --cwd <directory>", "where programs start")
    .option("--volume <name:directory>", "mount a volume there, with :ro read-only; repeat for more", volumesAt)
    .option("--port <port>", "let others come to it, as PORT, NAME=PORT or PORT:anonymous; repeat for more", newPorts)
    .option("--snapshot <snapshot>", "go on from a snapshot, instead of an image: its id, or its name")
    .addOption(activationOption())
    .addOption(fromOption("of a snapshot: what to go on from"))
    .option("-n, --count <number>", "so many of a kind, at most 1000", countOf)
    .option("--no-wait", "print the id while the sandbox is still being created")
    .passThroughOptions()
    .action((image: string | undefined, words: string[], options: Options) => create(cli, image, words, options));
  examples(command, [
    ["id=$(alcove create debian)", ""],
    ["alcove create --cpu 2 --memory 4Gi -l run=42 debian", "larger, with a label"],
    ["alcove create --count 20 -l run=42 debian", "twenty, found again by their label"],
    ["alcove create --snapshot clean", "what a sandbox was when the snapshot was taken"],
    ["TOKEN=$(cat token) alcove create --secret-env TOKEN debian", "with a secret that commands ask for by name"],
    ["alcove create --group-secret API_TOKEN=example-api debian", "with one that it uses and does not have"],
    ["alcove create --suspend-after 10m --delete-after 7d debian", "it sleeps when nobody uses it"],
    [
      "alcove create --allow-host pypi.org --allow-host '*.pythonhosted.org' debian",
      "it may reach these, and nothing else",
    ],
    ["alcove create --egress-policy policy.yaml debian", "it may reach what the file says"],
    ["alcove create --activation manual debian", "once stopped it sleeps until somebody resumes it"],
    ["alcove create --volume data:/data debian", "with the volume data"],
    ["alcove create --port web=3000 debian", "others may come to port 3000; `alcove get` has its URL"],
    ["alcove create debian -- python3 -m http.server", "with a program"],
  ]);
}

async function create(cli: Cli, image: string | undefined, words: readonly string[], options: Options): Promise<void> {
  const {
    label: labels,
    secret: entrypointSecrets,
    groupSecret: _secret,
    groupSecretValue: _value,
    volume: volumes,
    port: ports,
    wait,
    count,
    snapshot: text,
    activation,
    ...others
  } = options;
  const { allowHost: _, egressPolicyId: __, ...rest } = others;
  const cmd = programOf(words);
  const snapshot = text === undefined ? undefined : (await findSnapshot(await cli.alcove(), text, cli.signal)).id;
  const from = fromOf(options);
  if (from !== undefined && snapshot === undefined) {
    throw new UsageError("--from goes with --snapshot.", "alcove create --snapshot SNAPSHOT --from disk");
  }
  const activationMode = activation && activationModes[activation];
  const lifecycle = newPolicy(options);
  const what = {
    image,
    snapshot,
    labels,
    entrypointSecrets,
    secrets: groupSecretsOf(options),
    cmd,
    lifecycle,
    activationMode,
    volumes,
    ports,
  };
  const creation = { ...rest, from, ...what, egressPolicy: await policyOf(options) };
  if (count !== undefined) {
    if (!wait) throw new UsageError("--count and --no-wait do not go together.", "Leave one of them out.");
    return createMany(cli, count, creation);
  }
  const sandbox = await createWithProgress(cli, { ...creation, wait });
  if (cli.output.format === "table") return cli.terminal.print(sandbox.id);
  await cli.output.one(sandboxView, await sandbox.info());
}

const activationModes = { "on-demand": "OnDemand", manual: "Manual" } as const;

function activationOption(): Option {
  const says = "what wakes it once it is stopped: on-demand, the next call that needs it; manual, resume alone";
  return new Option("--activation <mode>", says).choices(Object.keys(activationModes));
}

/** Prints those that are there, tells of the others, and fails when there are others. */
async function createMany(cli: Cli, count: number, creation: CreateOptions): Promise<void> {
  const { sandboxes, errors } = await createManyWithProgress(cli, count, creation);
  await print(cli, sandboxes);
  const [first] = errors;
  if (first === undefined) return;
  cli.terminal.say(`${sandboxes.length} of ${count} sandboxes were created.`);
  cli.report(first.error);
  throw new Exit(exitCodes.error);
}

async function print(cli: Cli, sandboxes: readonly Sandbox[]): Promise<void> {
  if (cli.output.format !== "table") {
    const records = await Promise.all(sandboxes.map((sandbox) => sandbox.info()));
    return cli.output.list(sandboxView, records);
  }
  if (sandboxes.length > 0) cli.terminal.print(sandboxes.map(({ id }) => id).join("\n"));
}

function countOf(text: string): number {
  const count = /^\d{1,4}$/.test(text) ? Number(text) : 0;
  if (count < 1 || count > 1_000) throw new InvalidArgumentError("It must be a number from 1 to 1000.");
  return count;
}
