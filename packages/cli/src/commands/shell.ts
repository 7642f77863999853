import type { Exec, Sandbox } from "alcove";
import type { Command } from "commander";
import type { Cli } from "../cli.js";
import { examples } from "../examples.js";
import { UsageError } from "../exit-codes.js";
import { names, pairs } from "../option-values.js";
import { addOutputOptions } from "../output/output.js";
import type { View } from "../output/view.js";
import { programOf } from "../process-options.js";
import { terminalEnvironment } from "../shell/guest-term.js";
import { requireTerminal } from "../shell/raw-terminal.js";
import { runSession } from "../shell/session.js";
import { passThrough } from "./exec.js";

interface Options {
  readonly cwd?: string;
  readonly env?: Record<string, string>;
  readonly user?: string;
  readonly secret?: string[];
  readonly attach?: string;
  readonly list?: true;
}

const terminalView: View<Exec> = {
  name: ({ id }) => id,
  columns: [
    { heading: "TERMINAL", value: ({ id }) => id },
    { heading: "SIZE", value: ({ terminal }) => terminal && `${terminal.columns}x${terminal.rows}` },
    { heading: "STARTED", value: ({ startedAt }) => startedAt },
    { heading: "PROGRAM", value: ({ args }) => args.join(" ") },
  ],
};

export function addShell(program: Command, cli: Cli): void {
  const command = program
    .command("shell")
    .summary("open a terminal in a sandbox")
    .description(
      "Open a terminal in a sandbox: a shell, or another program for people, with every key its own, Ctrl-C too. Type Enter ~ . to leave it; it goes on, and --attach comes back. Ends with its program's exit code.",
    )
    .argument("<id>", "the sandbox's id, or the beginning of it")
    .argument("[program...]", "a program and its arguments, behind -- if you like; default bash, or sh")
    .option("-w, --cwd <directory>", "where it starts")
    .option("-e, --env <key=value>", "add to its environment; repeat for more", pairs)
    .option("-u, --user <user>", "a name, a uid, or uid:gid; default root")
    .option("--secret <name>", "add this secret of the sandbox to its environment; repeat for more", names)
    .option("--attach <terminal>", "come back to a terminal, by its id or the beginning of it")
    .option("--list", "list the sandbox's terminals")
    .passThroughOptions();
  addOutputOptions(command).action((id: string, words: string[], options: Options) => run(cli, id, words, options));
  examples(command, [
    ["alcove shell 3f2a", "a shell"],
    ["alcove shell 3f2a -- python3", "another program"],
    ["alcove shell --list 3f2a", "terminals that were left"],
    ["alcove shell --attach 9c01 3f2a", "come back to one"],
  ]);
}

async function run(cli: Cli, id: string, words: readonly string[], options: Options): Promise<void> {
  if (options.list === true) return cli.output.list(terminalView, await (await cli.sandbox(id)).terminals.list());
  const command = words.length === 0 ? undefined : programOf(words);
  if (options.attach !== undefined && command !== undefined) {
    throw new UsageError(
      "A terminal that is there has its program already.",
      "Leave --attach out to open another one.",
    );
  }
  requireTerminal();
  return passThrough(cli, async () => {
    const sandbox = await cli.sandbox(id);
    const wayBack = (terminal: string) => `alcove shell --attach ${terminal.slice(0, 8)} ${id}`;
    if (options.attach !== undefined) return attach(cli, sandbox, { id, text: options.attach, wayBack });
    const { cwd, user, secret: secrets } = options;
    const env = { ...terminalEnvironment(process.env), ...options.env };
    return runSession(cli, {
      begin: (events, size) => sandbox.terminal({ command, cwd, user, secrets, env, size, ...events }),
      isAttached: false,
      wayBack,
    });
  });
}

interface Wanted {
  readonly id: string;
  readonly text: string;
  readonly wayBack: (terminal: string) => string;
}

async function attach(cli: Cli, { terminals }: Sandbox, { id, text, wayBack }: Wanted): Promise<number> {
  const found = (await terminals.list({ signal: cli.signal })).filter((terminal) => terminal.id.startsWith(text));
  const [only] = found;
  if (only === undefined || found.length > 1) {
    const sentence = `${only === undefined ? "No terminal's id begins" : `${found.length} terminals' ids begin`} with ${text}.`;
    throw Object.assign(new Error(sentence), { hint: `\`alcove shell --list ${id}\` lists them.` });
  }
  return runSession(cli, { begin: (events) => terminals.attach(only.id, events), isAttached: true, wayBack });
}
