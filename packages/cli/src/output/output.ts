/** Results, in the format that was asked for: `-o table|json|yaml`, or names only with `-q`. */

import type { Command } from "commander";
import { Option } from "commander";
import { printableLines } from "../printable.js";
import type { Terminal } from "../terminal.js";
import { json, type OutputFormat, outputFormats, yaml } from "./format.js";
import { lines as linesOf, properties, table } from "./table.js";
import { type Column, lines, type View } from "./view.js";

export interface Output {
  readonly format: OutputFormat;
  readonly isQuiet: boolean;
  /** Several things: a table with a heading, a JSON array, or a name a line. */
  list<Thing>(view: View<Thing>, things: readonly Thing[]): Promise<void>;
  /** One thing: a line for each thing known, an object, or its name. */
  one<Thing>(view: View<Thing>, thing: Thing): Promise<void>;
  /** What has no view: a value for programs, and its text for people. */
  value(value: unknown, text: () => string): Promise<void>;
}

export interface OutputSettings {
  readonly format: OutputFormat;
  readonly isQuiet: boolean;
}

/** Adds `-o`, for every command with a result; `-q` with it where there are names to print. */
export function addOutputOptions(command: Command, { quiet = true }: { readonly quiet?: boolean } = {}): Command {
  command.addOption(
    new Option("-o, --output <format>", "how the result is printed; default table").choices(outputFormats),
  );
  return quiet ? command.option("-q, --quiet", "print names only: ids of sandboxes, names of images") : command;
}

export function openOutput(terminal: Terminal, { format, isQuiet }: OutputSettings): Output {
  const value = async (result: unknown, text: () => string) => {
    if (format === "json") terminal.print(json(result));
    else if (format === "yaml") terminal.print(await yaml(result));
    else printText(terminal, text());
  };
  const names = (found: readonly string[]) => {
    if (found.length > 0) terminal.print(linesOf(found));
  };
  return {
    format,
    isQuiet,
    value,
    async list(view, things) {
      if (isQuiet) return names(things.map(view.name));
      await value(things, () => tableOf(view, things));
    },
    async one(view, thing) {
      if (isQuiet) return names([view.name(thing)]);
      await value(thing, () => propertiesOf(view, thing));
    },
  };
}

/** Nothing is printed for nothing. */
function printText(terminal: Terminal, text: string): void {
  if (text !== "") terminal.print(text);
}

function tableOf<Thing>({ columns }: View<Thing>, things: readonly Thing[]): string {
  const rows = things.map((thing) => columns.map((column) => cell(column, thing) ?? ""));
  return table(
    columns.map(({ heading }) => heading),
    rows,
  );
}

function propertiesOf<Thing>(view: View<Thing>, thing: Thing): string {
  const shown = properties(
    Object.fromEntries(lines(view).map((column) => [column.heading.toLowerCase(), cell(column, thing)])),
  );
  const below = view.below?.(thing);
  return below === undefined || below === "" ? shown : `${shown}\n\n${printableLines(below)}`;
}

function cell<Thing>(column: Column<Thing>, thing: Thing): string | undefined {
  const value = column.value(thing);
  return value === undefined ? undefined : String(value);
}
