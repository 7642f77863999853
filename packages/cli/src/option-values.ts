/** Values of options, read or refused with the value seen. */
import { InvalidArgumentError } from "commander";

const unitsMs = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 } as const;

/** `500ms`, `30s`, `5m`, `2h`, as milliseconds. */
export function durationMs(text: string): number {
  const [, count, unit] = /^(\d{1,9})(ms|s|m|h)$/.exec(text) ?? [];
  const milliseconds = Number(count) * (unitsMs[unit as keyof typeof unitsMs] ?? Number.NaN);
  if (!(milliseconds > 0)) throw new InvalidArgumentError("It must be a time such as 500ms, 30s, 5m or 2h.");
  return milliseconds;
}

/** Gathers repeated `KEY=VALUE` options. */
export function pairs(text: string, before: Readonly<Record<string, string>> = {}): Record<string, string> {
  const at = text.indexOf("=");
  if (at <= 0) throw new InvalidArgumentError("It must be KEY=VALUE.");
  return { ...before, [text.slice(0, at)]: text.slice(at + 1) };
}
