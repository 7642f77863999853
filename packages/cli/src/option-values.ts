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

const dayMs = 86_400_000;

/** `12h` or `90d` from now, or an instant; as the API writes it. */
export function momentAhead(text: string): string {
  return moment(text, 1);
}

/** `12h` or `7d` ago, or an instant; as the API writes it. */
export function momentPast(text: string): string {
  return moment(text, -1);
}

function moment(text: string, direction: 1 | -1): string {
  const [, days] = /^(\d{1,5})d$/.exec(text) ?? [];
  if (days !== undefined) return new Date(Date.now() + direction * Number(days) * dayMs).toISOString();
  if (/^\d+[a-z]+$/.test(text)) return new Date(Date.now() + direction * durationMs(text)).toISOString();
  const at = Date.parse(text);
  if (Number.isNaN(at)) throw new InvalidArgumentError("It must be a time such as 12h, 90d or 2026-12-31T00:00:00Z.");
  return new Date(at).toISOString();
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
