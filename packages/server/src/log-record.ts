/** One record of the log: pino's line of JSON, bounded in size, as text for people, or with the journal's priority before it. */
import { z } from "zod";
import { printable } from "./lib/printable.js";

/** What a guest or a client makes of an error's sentence is cut, so that no record fills the log. */
const recordLimitBytes = 32 * 1_024;
const keptCharacters = 1_000;

const Line = z.looseObject({ level: z.number(), time: z.number(), msg: z.string().optional() });

/** The line, or what matters of one that is too long. */
export function bounded(line: string): string {
  if (line.length <= recordLimitBytes / 4) return line;
  const bytes = Buffer.byteLength(line);
  if (bytes <= recordLimitBytes) return line;
  const { level, time, pid, msg } = Line.parse(JSON.parse(line));
  const start = printable(line, keptCharacters);
  const sentence = msg === undefined ? msg : printable(msg, keptCharacters);
  return `${JSON.stringify({ level, time, pid, msg: sentence, cutFromBytes: bytes, start })}\n`;
}

/** `2026-01-31T12:00:00.000Z info  Machine started sandbox=… timings={…}`: always one line. */
export function inText(line: string): string {
  const { level, time, msg = "", pid: _pid, hostname: _hostname, ...fields } = Line.parse(JSON.parse(line));
  const rest = Object.entries(fields).map(([name, value]) => ` ${name}=${valueInText(value)}`);
  return `${new Date(time).toISOString()} ${levelName(level).padEnd(5)} ${printable(msg, recordLimitBytes)}${rest.join("")}\n`;
}

function valueInText(value: unknown): string {
  return typeof value === "string" && /^[\w./:@-]+$/.test(value)
    ? value
    : printable(JSON.stringify(value), recordLimitBytes);
}

const levelNames = ["trace", "debug", "info", "warn", "error", "fatal"] as const;

/** pino counts 10, 20, … 60. */
function levelName(level: number): (typeof levelNames)[number] {
  return levelNames[Math.min(5, Math.max(0, Math.floor(level / 10) - 1))] ?? "info";
}

/** Priorities of syslog, by the levels' names. */
const priorities = { trace: 7, debug: 7, info: 6, warn: 4, error: 3, fatal: 2 } as const;

/** `<4>` before the line: systemd takes it away again, and files the record under it. */
export function withPriority(record: string, line: string): string {
  const { level } = Line.parse(JSON.parse(record));
  return `<${priorities[levelName(level)]}>${line}`;
}
