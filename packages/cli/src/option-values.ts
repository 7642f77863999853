/** Values of options, read or refused with the value seen. */
import { InvalidArgumentError } from "commander";

const unitsMs = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** `500ms`, `30s`, `5m`, `2h`, `7d`, as milliseconds. */
export function durationMs(text: string): number {
  const [, count, unit] = /^(\d{1,9})(ms|s|m|h|d)$/.exec(text) ?? [];
  const milliseconds = Number(count) * (unitsMs[unit as keyof typeof unitsMs] ?? Number.NaN);
  if (!(milliseconds > 0)) throw new InvalidArgumentError("It must be a time such as 500ms, 30s, 5m, 2h or 7d.");
  return milliseconds;
}

/** How often a sandbox is looked at: within what the server takes. */
export function intervalMs(text: string): number {
  const milliseconds = durationMs(text);
  if (milliseconds >= 250 && milliseconds <= 3_600_000) return milliseconds;
  throw new InvalidArgumentError("It must be a time from 250ms to 1h.");
}

/** `12h` or `90d` from now, or an instant; as the API writes it. */
export function momentAhead(text: string): string {
  return moment(text, 1);
}

/** `12h` or `7d` ago, or an instant; as the API writes it. */
export function momentPast(text: string): string {
  return moment(text, -1);
}

/** A day, or a time of which it is said where on earth it is: what this machine's own clock would add is no part of it. */
const instant = /^\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:\d\d))?$/;
/** As far from 1970 as a Date goes. */
const farthestMs = 8.64e15;

function moment(text: string, direction: 1 | -1): string {
  const at = /^\d+[a-z]+$/.test(text) ? Date.now() + direction * durationMs(text) : instantMs(text);
  if (Math.abs(at) <= farthestMs) return new Date(at).toISOString();
  throw new InvalidArgumentError("It must be a time such as 12h, 90d, 2026-12-31 or 2026-12-31T12:00:00Z.");
}

function instantMs(text: string): number {
  return instant.test(text) ? Date.parse(text) : Number.NaN;
}

export function wholeNumber(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new InvalidArgumentError("It must be a whole number from 1 on.");
  return Number(text);
}

/** Gathers a repeated option. */
export function names(text: string, before: readonly string[] = []): string[] {
  return [...before, text];
}

/** Gathers repeated `KEY=VALUE` options. */
export function pairs(text: string, before: Readonly<Record<string, string>> = {}): Record<string, string> {
  const at = text.indexOf("=");
  if (at <= 0) throw new InvalidArgumentError("It must be KEY=VALUE.");
  return { ...before, [text.slice(0, at)]: text.slice(at + 1) };
}
