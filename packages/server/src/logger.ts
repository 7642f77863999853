/**
 * The daemon's log: one record a line. To stderr, for a person or a service manager; where stderr is a plain file, as it is
 * when the SDK started the daemon, to alcoved.log in the data directory, which is kept small. What cannot be written is
 * counted and told later: a log never stops the daemon.
 */
import { fstatSync, writeSync } from "node:fs";
import { join } from "node:path";
import { type Logger, pino } from "pino";
import type { Config } from "./config.js";
import { currentSpan } from "./lib/tracing.js";
import { boundedFile } from "./log-file.js";
import { bounded, inText, withPriority } from "./log-record.js";

const stderr = 2;
/** The file before this one is kept as alcoved.log.1. */
const fileLimitBytes = 16 * 1_048_576;

export type LogOptions = Pick<Config, "logLevel" | "logFormat" | "logDestination" | "dataDirectory">;

export function createLogger(options: LogOptions, write = openDestination(options)): Logger {
  const form = options.logFormat === "text" ? inText : (line: string) => line;
  const mark = logsToJournal(options) ? withPriority : (_record: string, line: string) => line;
  let lost = 0;
  const logger = pino(
    { level: options.logLevel, mixin: traceOfRequest },
    {
      write(given: string) {
        const record = bounded(given);
        try {
          write(mark(record, form(record)));
        } catch {
          lost += 1;
          return;
        }
        if (lost === 0) return;
        const records = lost;
        lost = 0;
        logger.warn({ records }, "Records of the log were lost; the disk may have been full");
      },
    },
  );
  return logger;
}

/** By the names that OpenTelemetry has for logs. */
function traceOfRequest(): object {
  const span = currentSpan();
  return span === undefined ? {} : { trace_id: span.traceId, span_id: span.spanId };
}

function openDestination(options: LogOptions): (line: string) => void {
  if (!goesToFile(options)) return (line) => writeWhole(stderr, Buffer.from(line));
  const file = boundedFile(join(options.dataDirectory, "alcoved.log"), fileLimitBytes);
  return (line) => file.write(line);
}

function goesToFile({ logDestination }: LogOptions): boolean {
  return logDestination === "file" || (logDestination === "auto" && fstatSync(stderr).isFile());
}

/** systemd says which stream is the journal's, by device and inode; it takes a record's priority from a prefix. */
function logsToJournal(options: LogOptions): boolean {
  if (goesToFile(options)) return false;
  const { dev, ino } = fstatSync(stderr);
  return process.env.JOURNAL_STREAM === `${dev}:${ino}`;
}

function writeWhole(descriptor: number, bytes: Uint8Array): void {
  for (let written = 0; written < bytes.byteLength; ) written += writeSync(descriptor, bytes, written);
}
