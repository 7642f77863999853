/** Creating a sandbox, with progress for whatever takes long: an image that is built first, a template. */
import type { Alcove, BatchOutcome, CreateOptions, Sandbox } from "alcove";
import type { Command } from "commander";
import type { Cli } from "./cli.js";
import { pairs } from "./option-values.js";

export interface SizeOptions {
  readonly cpu?: string;
  readonly memory?: string;
  readonly disk?: string;
  readonly label?: Record<string, string>;
}

const saySomethingMs = 1_000;

export function addSizeOptions(command: Command): Command {
  return command
    .option("--cpu <cores>", "such as 2, 0.5 or 500m; default 1")
    .option("--memory <size>", "such as 512Mi or 4Gi; default 2Gi")
    .option("--disk <size>", "such as 40Gi; default 20Gi")
    .option("-l, --label <key=value>", "to find it by; repeat for more", pairs);
}

/**
 * Waits for the image with Ctrl-C in force, for the sandbox without: it would be created all the same, and nobody would
 * know its id.
 */
export function createWithProgress(cli: Cli, options: CreateOptions): Promise<Sandbox> {
  return withProgress(cli, options, "Starting the sandbox …", (alcove) => alcove.sandboxes.create(options));
}

/** As `createWithProgress`, many of a kind. */
export function createManyWithProgress(cli: Cli, count: number, options: CreateOptions): Promise<BatchOutcome> {
  const saying = `Starting ${count} sandboxes …`;
  return withProgress(cli, options, saying, (alcove) => alcove.sandboxes.createMany(count, options));
}

async function withProgress<T>(
  cli: Cli,
  options: CreateOptions,
  saying: string,
  create: (alcove: Alcove) => Promise<T>,
): Promise<T> {
  const alcove = await cli.alcove();
  const image = await alcove.images.get(options.image, { signal: cli.signal });
  if (image.state !== "Ready") {
    await alcove.images.prepare(options.image, {
      signal: cli.signal,
      onProgress: ({ message, progress }) =>
        cli.terminal.progress(`Image ${options.image}: ${message} (${Math.floor(progress * 100)} %)`),
    });
  }
  const slow = setTimeout(() => cli.terminal.progress(saying), saySomethingMs);
  using _signals = cli.takeSignals(() =>
    cli.terminal.say("The sandbox is being created; wait for its id, then delete it."),
  );
  try {
    return await create(alcove);
  } finally {
    clearTimeout(slow);
    cli.terminal.endProgress();
  }
}
