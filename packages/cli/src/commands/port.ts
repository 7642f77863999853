import type { PortChanges } from "alcove";
import { type Command, Option } from "commander";
import type { Cli } from "../cli.js";
import { examples } from "../examples.js";
import { UsageError } from "../exit-codes.js";
import { durationMs, names } from "../option-values.js";
import { addOutputOptions } from "../output/output.js";
import { portNumber, portOrName, portsOrNames } from "../ports/port-number.js";
import { addPortSettings, keepingRestOf, type PortSettings, settingsOf } from "../ports/port-settings.js";
import { portView } from "../views/port.js";

export function addPort(program: Command, cli: Cli): void {
  const port = program
    .command("port")
    .summary("let others come to what listens in a sandbox")
    .description(
      "Ports of a sandbox that others may come to, each with a URL of its own. For TCP from this machine there is `alcove port-forward`.",
    );
  for (const add of [addAdd, addList, addSet, addRemove, addLink]) add(port, cli);
  examples(port, [
    ["alcove port add $id 3000", "the answer has its URL"],
    ["alcove port link $id 8080", "for somebody without a key"],
  ]);
}

const sandboxArgument = ["<id>", "the sandbox's id, or the beginning of it"] as const;
const portArgument = ["<port>", "its number, or its name", portOrName] as const;

function addAdd(port: Command, cli: Cli): void {
  const command = port
    .command("add")
    .summary("open a port, and say where it is reached")
    .description(
      "Open a port of a sandbox, and say where it is reached. Nothing needs to listen there yet. Who has a key of the group's with the role user may come, and who has a link; with --anonymous everybody, and where the server has a provider for that, people who sign in.",
    )
    .argument(...sandboxArgument)
    .argument("<number>", "of the port, from 1 to 65535", portNumber)
    .option("--name <name>", "to refer to it by");
  addOutputOptions(addPortSettings(command)).action(
    async (id: string, number: number, { name, ...settings }: PortSettings & { readonly name?: string }) => {
      const { ports } = await cli.sandbox(id);
      const added = { port: number, ...(name !== undefined && { name }), ...settingsOf(settings) };
      await cli.output.one(portView, await ports.add(added, { signal: cli.signal }));
    },
  );
  examples(command, [
    ["alcove port add 3f2a 3000", ""],
    ["alcove port add --anonymous --name app 3f2a 3000", "everybody may come"],
    ["alcove port add --allow 10.0.0.0/8 --deny 10.9.0.0/16 3f2a 3000", "from there alone"],
  ]);
}

function addList(port: Command, cli: Cli): void {
  const command = port
    .command("list")
    .alias("ls")
    .summary("list the ports of a sandbox, and where they are reached")
    .argument(...sandboxArgument);
  addOutputOptions(command).action(async (id: string) => {
    const { ports } = await cli.sandbox(id);
    await cli.output.list(portView, await ports.list({ signal: cli.signal }));
  });
  examples(command, [["alcove port list 3f2a", ""]]);
}

interface SetOptions extends PortSettings {
  readonly unset?: readonly string[];
}

const unsettable = { auth: "auth", access: "ipAccessControl", cors: "cors" } as const;

function addSet(port: Command, cli: Cli): void {
  const command = port
    .command("set")
    .summary("change who may come to a port")
    .description(
      "Change a port of a sandbox. What is not given stays. What is given takes the place of what was there: all ranges that were allowed by --allow, all that were denied by --deny, all origins by --cors-origin, and everybody who may come by any of --anonymous, --no-anonymous, --email, --email-suffix, --subject and --signed-in.",
    )
    .argument(...sandboxArgument)
    .argument(...portArgument);
  addPortSettings(command)
    .option("--no-anonymous", "only who has a key or a link may come")
    .addOption(
      new Option("--unset <what>", "auth: keys and links alone; access: from everywhere; cors: none; repeat for more")
        .choices(Object.keys(unsettable))
        .argParser(names),
    );
  addOutputOptions(command).action(async (id: string, which: number | string, options: SetOptions) => {
    const changes = changesOf(options);
    const { ports } = await cli.sandbox(id);
    const isPartOfMore = changes.ipAccessControl || changes.cors;
    const present = isPartOfMore ? await ports.get(which, { signal: cli.signal }) : {};
    const changed = await ports.update(which, keepingRestOf(present, changes), { signal: cli.signal });
    await cli.output.one(portView, changed);
  });
  examples(command, [
    ["alcove port set --anonymous 3f2a 8080", ""],
    ["alcove port set --no-anonymous --allow 192.0.2.0/24 3f2a 8080", ""],
    ["alcove port set --unset access --unset cors 3f2a web", "by its name"],
  ]);
}

function changesOf({ unset = [], ...settings }: SetOptions): PortChanges {
  const unknown = unset.find((name) => !(name in unsettable));
  const choices = Object.keys(unsettable).join(", ");
  if (unknown !== undefined) throw new UsageError(`${unknown} cannot be unset.`, `These can: ${choices}.`);
  const removed = unset.map((name) => [unsettable[name as keyof typeof unsettable], null]);
  const changes: PortChanges = { ...settingsOf(settings), ...Object.fromEntries(removed) };
  if (Object.keys(changes).length > 0) return changes;
  throw new UsageError("Nothing is to be changed.", "Give an option: `alcove port set --help` has them.");
}

function addRemove(port: Command, cli: Cli): void {
  const command = port
    .command("remove")
    .alias("rm")
    .summary("close ports of a sandbox")
    .description(
      "Close ports of a sandbox: their URLs answer nothing more. All links that were made for this sandbox end.",
    )
    .argument(...sandboxArgument)
    .argument("<ports...>", "their numbers or names", portsOrNames)
    .action(async (id: string, closed: readonly (number | string)[]) => {
      const { ports } = await cli.sandbox(id);
      for (const which of closed) {
        await ports.remove(which, { signal: cli.signal });
        cli.terminal.print(String(which));
      }
    });
  examples(command, [["alcove port remove 3f2a 8080 web", ""]]);
}

function addLink(port: Command, cli: Cli): void {
  const command = port
    .command("link")
    .summary("make a link to a port for somebody without a key")
    .description(
      "Print a link with which anybody can come to a port for a while. It ends with its time, or when a port of the sandbox is removed.",
    )
    .argument(...sandboxArgument)
    .argument(...portArgument)
    .option("--expires-in <time>", "such as 10m or 7d, which is the most; default 1h", durationMs);
  addOutputOptions(command, { quiet: false }).action(
    async (id: string, which: number | string, { expiresIn }: { readonly expiresIn?: number }) => {
      const { ports } = await cli.sandbox(id);
      const expiresInSeconds = expiresIn === undefined ? undefined : Math.ceil(expiresIn / 1_000);
      const link = await ports.link(which, { expiresInSeconds, signal: cli.signal });
      await cli.output.value(link, () => link.url);
    },
  );
  examples(command, [
    ["alcove port link 3f2a 8080", ""],
    ["alcove port link --expires-in 7d 3f2a web", ""],
  ]);
}
