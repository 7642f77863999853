/**
 * How a kind of thing is printed, declared once: the columns of its table, the lines of one of them, and the name that
 * `--quiet` prints. JSON and YAML print the thing itself.
 */

export interface Column<Thing> {
  readonly heading: string;
  /** Undefined: not known; left out where one thing is shown. */
  value(thing: Thing): string | number | undefined;
}

export interface View<Thing> {
  /** What other commands take for it: its id or name. */
  name(thing: Thing): string;
  readonly columns: readonly Column<Thing>[];
  /** More lines where one is shown; those of a column's heading take its place. */
  readonly details?: readonly Column<Thing>[];
  /** Text below the lines where one is shown, such as a log. */
  below?(thing: Thing): string | undefined;
}

/** The lines of one thing: its columns, and what is known besides. */
export function lines<Thing>({ columns, details = [] }: View<Thing>): readonly Column<Thing>[] {
  const isReplaced = ({ heading }: Column<Thing>) => details.some((detail) => detail.heading === heading);
  return [...columns.filter((column) => !isReplaced(column)), ...details];
}

/** `key=value,key=value`; undefined where there are none. */
export function labelText(labels: Readonly<Record<string, string>>): string | undefined {
  const pairs = Object.entries(labels).map(([key, value]) => `${key}=${value}`);
  return pairs.length === 0 ? undefined : pairs.join(",");
}
