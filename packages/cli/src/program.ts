/**
 * The commands, in the order that `alcove help` lists them. Verbs of sandboxes stand alone (`alcove list`), those of
 * everything else behind their noun (`alcove image list`).
 *
 * To add a verb: 1. commands/<verb>.ts or commands/<noun>.ts with `add<Name>(program, cli)`: summary, `examples`, and
 * `addOutputOptions` if it has a result  2. a line below  3. what it prints: a `View` in views/<noun>.ts, where several
 * commands share it, printed by `cli.output.list` or `cli.output.one`  4. the server from `cli.alcove()`, with `cli.signal`
 * in every call  5. its section in docs/cli.md. Tests run every example and look for all of this.
 */
import { Command, Option } from "commander";
import type { Cli, Flags } from "./cli.js";
import { addApi } from "./commands/api.js";
import { addApply } from "./commands/apply.js";
import { addAttach } from "./commands/attach.js";
import { addAudit } from "./commands/audit.js";
import { addCommit } from "./commands/commit.js";
import { addCompletion } from "./commands/completion.js";
import { addConfig } from "./commands/config.js";
import { addConsole } from "./commands/console.js";
import { addContext } from "./commands/context.js";
import { addCp } from "./commands/cp.js";
import { addCreate } from "./commands/create.js";
import { addDelete } from "./commands/delete.js";
import { addDisable } from "./commands/disable.js";
import { addDoctor } from "./commands/doctor.js";
import { addDown } from "./commands/down.js";
import { addEgress } from "./commands/egress.js";
import { addEnable } from "./commands/enable.js";
import { addExec } from "./commands/exec.js";
import { addExitCodes } from "./commands/exit-codes.js";
import { addFork } from "./commands/fork.js";
import { addGet } from "./commands/get.js";
import { addGroup } from "./commands/group.js";
import { addIdentity } from "./commands/identity.js";
import { addImage } from "./commands/image.js";
import { addInit } from "./commands/init.js";
import { addKey } from "./commands/key.js";
import { addLabel } from "./commands/label.js";
import { addLifecycle } from "./commands/lifecycle.js";
import { addList } from "./commands/list.js";
import { addLogin } from "./commands/login.js";
import { addLogout } from "./commands/logout.js";
import { addLogs } from "./commands/logs.js";
import { addPool } from "./commands/pool.js";
import { addPort } from "./commands/port.js";
import { addPortForward } from "./commands/port-forward.js";
import { addPs } from "./commands/ps.js";
import { addResume } from "./commands/resume.js";
import { addRole } from "./commands/role.js";
import { addRollback } from "./commands/rollback.js";
import { addRun } from "./commands/run.js";
import { addSchema } from "./commands/schema.js";
import { addSecret } from "./commands/secret.js";
import { addServer } from "./commands/server.js";
import { addShell } from "./commands/shell.js";
import { addSnapshot } from "./commands/snapshot.js";
import { addStats } from "./commands/stats.js";
import { addStatus } from "./commands/status.js";
import { addStop } from "./commands/stop.js";
import { addSystem } from "./commands/system.js";
import { addTemplate } from "./commands/template.js";
import { addTimeline } from "./commands/timeline.js";
import { addUp } from "./commands/up.js";
import { addUsage } from "./commands/usage.js";
import { addValidate } from "./commands/validate.js";
import { addVersion } from "./commands/version.js";
import { addVolume } from "./commands/volume.js";
import { addWhoami } from "./commands/whoami.js";
import { examples } from "./examples.js";
import { cliVersion } from "./version.js";

const commands = [
  addRun,
  addCreate,
  addList,
  addGet,
  addLabel,
  addLifecycle,
  addExec,
  addAttach,
  addShell,
  addLogs,
  addPs,
  addStats,
  addCp,
  addPort,
  addPortForward,
  addConsole,
  addStop,
  addResume,
  addDisable,
  addEnable,
  addDelete,
  addSnapshot,
  addFork,
  addRollback,
  addCommit,
  addTimeline,
  addInit,
  addSchema,
  addValidate,
  addApply,
  addEgress,
  addSecret,
  addVolume,
  addImage,
  addPool,
  addTemplate,
  addGroup,
  addUsage,
  addUp,
  addDown,
  addStatus,
  addDoctor,
  addServer,
  addSystem,
  addLogin,
  addLogout,
  addWhoami,
  addKey,
  addRole,
  addIdentity,
  addAudit,
  addConfig,
  addContext,
  addApi,
  addCompletion,
  addVersion,
  addExitCodes,
];

export function createProgram(cli: Cli): Command {
  const program = new Command("alcove")
    .description("Run untrusted code, each piece in a virtual machine of its own.")
    .configureHelp({ showGlobalOptions: false })
    .helpCommand("help [command]", "show help for a command")
    .version(cliVersion, "-V, --version", "show the CLI's version")
    .showSuggestionAfterError()
    .enablePositionalOptions()
    .configureOutput({ outputError: () => undefined })
    .exitOverride()
    .hook("preAction", (_program, command) => cli.setFlags(flagsOf(command)));
  examples(program, [
    ["alcove run debian -- python3 -c 'print(6 * 7)'", "run a program in a new sandbox"],
    ["id=$(alcove create debian)", "keep one"],
    ["alcove exec $id -- sh -c 'uname -a'", "run a program in it"],
    ["alcove delete $id", ""],
  ]);
  for (const add of commands) add(program, cli);
  for (const command of [program, ...leavesOf(program)]) addCommonOptions(command);
  return program;
}

/** Every noun and every verb. */
export function nodesOf(command: Command): Command[] {
  return command.commands.flatMap((found) => [found, ...nodesOf(found)]);
}

/** Every command that does something itself. */
export function leavesOf(command: Command): Command[] {
  return command.commands.flatMap((found) => (found.commands.length === 0 ? [found] : leavesOf(found)));
}

/** The same everywhere, before the verb or behind it. */
function addCommonOptions(command: Command): void {
  const heading = "Everywhere:";
  const option = (flags: string, description: string) => new Option(flags, description).helpGroup(heading);
  command
    .addOption(option("--context <name>", "a context of the configuration: `alcove context list`"))
    .addOption(option("--url <url>", "a server: https://HOST:PORT, or unix:///PATH"))
    .addOption(option("-g, --group <name>", "the group to work in"))
    .addOption(
      option("--verbose", "a line for each request, and when a sandbox slept, on standard error; nothing secret"),
    );
}

/** The command's own options, and those before the verb where it has none of its own. */
function flagsOf(command: Command | null): Flags {
  return command === null ? {} : { ...flagsOf(command.parent), ...command.opts<Flags>() };
}
