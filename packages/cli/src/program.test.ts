import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Command } from "commander";
import { expect, test } from "vitest";
import { openCli } from "./cli.js";
import { examplesOf } from "./examples.js";
import { exitCodeMeanings, exitCodes } from "./exit-codes.js";
import { createProgram, leavesOf } from "./program.js";
import { openTerminal } from "./terminal.js";
import { cliVersion } from "./version.js";

const program = createProgram(openCli(openTerminal(process.stdout, process.stderr)));
const commands = program.commands.filter((command) => command.name() !== "help");

function helpOf(command: Command): string {
  let text = "";
  command.configureOutput({ writeOut: (part) => (text += part) }).outputHelp();
  return text;
}

test("every file of commands/ is a command, and every command has its file", () => {
  const files = readdirSync(join(import.meta.dirname, "commands")).map((name) => name.replace(/\.ts$/, ""));
  expect(commands.map((command) => command.name()).sort()).toEqual(files.sort());
});

const pathOf = (command: Command): string =>
  command.parent === null ? command.name() : `${pathOf(command.parent)} ${command.name()}`;
const every = [...new Set([...commands, ...leavesOf(program).filter((command) => command.name() !== "help")])];

test.each(every.map((command) => [pathOf(command), command] as const))(
  "%s has a summary, and an example of itself under its help",
  (path, command) => {
    expect(command.summary()).not.toBe("");
    expect(helpOf(command)).toContain("Examples:\n");
    const names = [...path.split(" ").slice(1)];
    const isOfItself = (line: string) =>
      line.includes("alcove") && names.every((name) => line.split(/[\s()]+/).includes(name));
    expect(
      examplesOf(command)
        .map(([type]) => type)
        .filter(isOfItself),
    ).not.toEqual([]);
  },
);

test("docs/cli.md has a section for every command, and names every option", () => {
  const page = readFileSync(join(import.meta.dirname, "../../../docs/cli.md"), "utf8");
  for (const command of commands.flatMap((found) => [found, ...found.commands])) {
    if (command.parent === program) expect(page).toMatch(new RegExp(`^## .*${command.name()}`, "m"));
    for (const option of command.options) expect(page).toContain(option.long);
  }
});

test("docs/cli.md has the table of exit codes, and the launcher uses the same", () => {
  const page = readFileSync(join(import.meta.dirname, "../../../docs/cli.md"), "utf8");
  expect(page).toContain(exitCodeMeanings.map(([code, meaning]) => `| ${code} | ${meaning} |`).join("\n"));
  const launcher = readFileSync(join(import.meta.dirname, "../../../agent/launcher/launcher.go"), "utf8");
  const used = [...launcher.matchAll(/^\texit\w+ += (\d+)$/gm)].map(([, code]) => Number(code));
  expect(used.length).toBeGreaterThan(3);
  expect(Object.values(exitCodes)).toEqual(expect.arrayContaining(used));
});

test("the CLI's version is its package's", () => {
  const manifest = JSON.parse(readFileSync(join(import.meta.dirname, "../package.json"), "utf8")) as {
    version: string;
  };
  expect(cliVersion).toBe(manifest.version);
});
