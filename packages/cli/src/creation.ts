/** Creating a sandbox, with progress for whatever takes long: an image that is built first, a template. */

import { type Tier, tiers } from "@alcove/contract";
import type { Alcove, BatchOutcome, CreateOptions, Sandbox } from "alcove";
import { type Command, Option } from "commander";
import type { Cli } from "./cli.js";
import { pairs } from "./option-values.js";
import { leave } from "./signals.js";

export interface MeasureOptions {
  readonly tier?: Tier;
  readonly cpu?: string;
  readonly memory?: string;
  readonly disk?: string;
}

export interface SizeOptions extends MeasureOptions {
  readonly label?: Record<string, string>;
}

const saySomethingMs = 1_000;

export function addSizeOptions(command: Command): Command {
  return addMeasureOptions(command).option("-l, --label <key=value>", "to find it by; repeat for more", pairs);
}

export function addMeasureOptions(command: Command): Command {
  return command
    .addOption(tierOption("a size by name, instead of cpu, memory and disk"))
    .option("--cpu <cores>", "such as 2, 0.5 or 500m; default 1")
    .option("--memory <size>", "such as 512Mi or 4Gi; default 2Gi")
    .option("--disk <size>", "such as 40Gi; default 20Gi");
}

export function tierOption(description: string): Option {
  return new Option("--tier <name>", description).choices(Object.keys(tiers));
}

/** What Ctrl-C says while a sandbox is being created, which goes on all the same. */
export interface Interruption {
  readonly interrupted: string;
}

const keepsIt: Interruption = {
  interrupted:
    "The sandbox is created all the same; its id follows. Ctrl-C again leaves at once: `alcove list` shows what is there.",
};

/**
 * Waits for the image with Ctrl-C in force. With Ctrl-C while the sandbox is being created it is waited for, since nobody
 * would else know its id, and `cli.signal` has aborted when it is there.
 */
export function createWithProgress(
  cli: Cli,
  options: CreateOptions,
  interruption: Interruption = keepsIt,
): Promise<Sandbox> {
  const saying = "Starting the sandbox …";
  return withProgress(cli, { options, saying, ...interruption }, (alcove) => alcove.sandboxes.create(options));
}

/** As `createWithProgress`, many of a kind. */
export function createManyWithProgress(cli: Cli, count: number, options: CreateOptions): Promise<BatchOutcome> {
  const saying = `Starting ${count} sandboxes …`;
  const create = (alcove: Alcove) => alcove.sandboxes.createMany(count, options);
  return withProgress(cli, { options, saying, ...keepsIt }, create);
}

async function withProgress<T>(
  cli: Cli,
  { options, saying, interrupted }: Interruption & { readonly options: CreateOptions; readonly saying: string },
  create: (alcove: Alcove) => Promise<T>,
): Promise<T> {
  const alcove = await cli.alcove();
  const name = options.snapshot === undefined ? (options.image ?? (await defaultImage(cli, alcove))) : undefined;
  if (name !== undefined) await ensureImage(cli, alcove, name);
  const slow = setTimeout(() => cli.terminal.progress(saying), saySomethingMs);
  let isInterrupted = false;
  using _signals = cli.takeSignals(() => {
    if (isInterrupted) leave(cli.terminal);
    isInterrupted = true;
    cli.terminal.say(interrupted);
  });
  try {
    const created = await create(alcove);
    if (isInterrupted) cli.interrupt();
    return created;
  } finally {
    clearTimeout(slow);
    cli.terminal.endProgress();
  }
}

/** Where there is none the creation says so. */
async function defaultImage(cli: Cli, { groups, defaultGroup }: Alcove): Promise<string | undefined> {
  return (await groups.get(defaultGroup.name, { signal: cli.signal })).defaults.diskImage?.name;
}

/** Waits until it is there; it is built where it is not. */
export async function ensureImage(cli: Cli, alcove: Alcove, name: string): Promise<void> {
  const image = await alcove.images.get(name, { signal: cli.signal });
  if (image.state !== "Ready") await prepare(cli, alcove, name);
}

async function prepare(cli: Cli, { images }: Alcove, name: string): Promise<void> {
  try {
    await images.prepare(name, {
      signal: cli.signal,
      onProgress: ({ message, progress }) =>
        cli.terminal.progress(`Image ${name}: ${message} (${Math.floor(progress * 100)} %)`),
    });
  } catch (failure) {
    if (cli.signal.aborted)
      cli.terminal.say(`Nothing is created; the image goes on being built: alcove image get ${name}`);
    throw failure;
  }
}
