/**
 * The commands, in the order that `alcove help` lists them.
 *
 * To add a command: 1. commands/<verb>.ts with `add<Verb>(program, cli)`, its help and examples in it  2. a line below
 * 3. its section in docs/cli.md  4. a case in program.test.ts's table of helps.
 */
import { Command } from "commander";
import type { Cli } from "./cli.js";
import { addApi } from "./commands/api.js";
import { addAttach } from "./commands/attach.js";
import { addConsole } from "./commands/console.js";
import { addCp } from "./commands/cp.js";
import { addCreate } from "./commands/create.js";
import { addDelete } from "./commands/delete.js";
import { addDoctor } from "./commands/doctor.js";
import { addDown } from "./commands/down.js";
import { addExec } from "./commands/exec.js";
import { addGet } from "./commands/get.js";
import { addImage } from "./commands/image.js";
import { addLabel } from "./commands/label.js";
import { addList } from "./commands/list.js";
import { addRun } from "./commands/run.js";
import { addStatus } from "./commands/status.js";
import { addUp } from "./commands/up.js";
import { addVersion } from "./commands/version.js";
import { examples } from "./examples.js";
import { cliVersion } from "./version.js";

const commands = [
  addRun,
  addCreate,
  addList,
  addGet,
  addLabel,
  addExec,
  addAttach,
  addCp,
  addConsole,
  addDelete,
  addImage,
  addUp,
  addDown,
  addStatus,
  addDoctor,
  addApi,
  addVersion,
];

export function createProgram(cli: Cli): Command {
  const program = new Command("alcove")
    .description("Run untrusted code, each piece in a virtual machine of its own.")
    .configureHelp({ showGlobalOptions: false })
    .helpCommand("help [command]", "show help for a command")
    .version(cliVersion, "-V, --version", "show the CLI's version")
    .showSuggestionAfterError()
    .showHelpAfterError("hint: `alcove help`, or `alcove help COMMAND`")
    .enablePositionalOptions()
    .exitOverride();
  examples(program, [
    ["alcove run debian -- python3 -c 'print(6 * 7)'", "run a program in a new sandbox"],
    ["id=$(alcove create debian)", "keep one"],
    ["alcove exec $id -- sh -c 'uname -a'", "run a program in it"],
    ["alcove delete $id", ""],
  ]);
  for (const add of commands) add(program, cli);
  return program;
}
