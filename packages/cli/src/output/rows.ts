/** Things as they come, a line each: rows of a table whose columns keep their width, or JSON, which is YAML too behind a hyphen. */
import type { Cli } from "../cli.js";
import { printable, printableQuoted } from "../printable.js";
import type { View } from "./view.js";

export interface Rows<Thing> {
  print(thing: Thing): void;
  gone(name: string): void;
}

export function openRows<Thing>(cli: Cli, { columns, name }: View<Thing>): Rows<Thing> {
  const { format, isQuiet } = cli.output;
  const { print } = cli.terminal;
  let widths = columns.map(({ heading }) => heading.length);
  const row = (cells: readonly string[]) =>
    print(
      cells
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd(),
    );
  const value = (told: unknown) => print(`${format === "yaml" ? "- " : ""}${printableQuoted(JSON.stringify(told))}`);
  let hasHeading = false;
  return {
    print(thing) {
      if (isQuiet) return print(name(thing));
      if (format !== "table") return value(thing);
      const cells = columns.map((column) => printable(String(column.value(thing) ?? "")));
      widths = cells.map((cell, column) => Math.max(widths[column] ?? 0, cell.length));
      if (!hasHeading) {
        row(columns.map(({ heading }) => heading));
        hasHeading = true;
      }
      row(cells);
    },
    gone(id) {
      if (isQuiet) return;
      if (format === "table") print(`${id}  Gone`);
      else value({ id, state: "Gone" });
    },
  };
}
