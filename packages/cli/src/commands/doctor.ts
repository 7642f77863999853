import type { Command } from "commander";
import type { Cli } from "../cli.js";
import { clientFindings, type Finding } from "../doctor/client-findings.js";
import { registryFinding } from "../doctor/registry-finding.js";
import { examples } from "../examples.js";
import { Exit, exitCodes } from "../exit-codes.js";
import { addOutputOptions } from "../output/output.js";
import { printable } from "../printable.js";
import type { Paint } from "../terminal.js";

interface Options {
  readonly registry?: string;
}

export function addDoctor(program: Command, cli: Cli): void {
  const command = program
    .command("doctor")
    .summary("say what is wrong, here and on the server")
    .description(
      "Look here at configuration, server, certificate, clock, key and versions, and on the server at KVM, QEMU, the guest's kernel, disk, cgroups and namespaces. Each line that is not ok has the command that mends it. Exits with 1 when something is wrong; warnings are not.",
    )
    .option("--registry <host>", "look too whether this registry answers, and takes the credentials kept for it");
  addOutputOptions(command, { quiet: false }).action((options: Options) => doctor(cli, options));
  examples(command, [
    ["alcove doctor", ""],
    ["alcove doctor --registry registry.example.com", "can images be pulled from there?"],
  ]);
}

async function doctor(cli: Cli, { registry }: Options): Promise<void> {
  const here = await clientFindings(cli);
  const pulls = registry === undefined ? [] : [await registryFinding(registry, cli.signal)];
  const findings = [...here, ...pulls, ...(await hostFindings(cli, here))];
  await cli.output.value({ findings }, () => findings.map((found) => line(found, cli.terminal.paintResult)).join("\n"));
  if (findings.some(({ level }) => level === "error")) throw new Exit(exitCodes.error);
}

/** What the server says of its host, to an administrator; nothing where the server could not be asked. */
async function hostFindings(cli: Cli, here: readonly Finding[]): Promise<Finding[]> {
  if (here.some(({ check, level }) => level === "error" && (check === "server" || check === "key"))) return [];
  try {
    return (await (await cli.alcove()).doctor({ signal: cli.signal })).findings;
  } catch (failure) {
    const { message, code } = failure as Error & { readonly code?: string };
    if (code !== "Forbidden") throw failure;
    return [{ check: "host", level: "ok", sentence: `not looked at: ${message}` }];
  }
}

function line({ level, check, sentence, remedy }: Finding, colours: Paint): string {
  const paint = { ok: colours.green, warning: colours.yellow, error: colours.red }[level];
  const mended = remedy === undefined ? "" : `\n${" ".repeat(9)}mend it: ${printable(remedy)}`;
  return `${paint(level.padEnd(7))}  ${printable(`${check}: ${sentence}`)}${mended}`;
}
