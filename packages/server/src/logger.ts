/**
 * The daemon's log: to stderr, for a person or a service manager; where stderr is a plain file, as it is when the SDK
 * started the daemon, to alcoved.log in the data directory, which is kept small.
 */
import { fstatSync, renameSync, statSync } from "node:fs";
import { join } from "node:path";
import { type Logger, pino } from "pino";

const stderr = 2;
/** The file before this one is kept as alcoved.log.1. */
const fileLimitBytes = 16 * 1_048_576;

export function createLogger(options: { readonly level: string; readonly dataDirectory: string }): Logger {
  const { level } = options;
  if (!fstatSync(stderr).isFile()) return pino({ level }, pino.destination({ fd: stderr, sync: true }));
  return pino({ level }, boundedFile(join(options.dataDirectory, "alcoved.log"), fileLimitBytes));
}

/** A file that is put aside when it has grown to the limit. */
export function boundedFile(path: string, limitBytes: number): { write(line: string): void } {
  const file = pino.destination({ dest: path, append: true, mode: 0o600, sync: true });
  let bytes = sizeOf(path);
  return {
    write(line) {
      if (bytes + line.length > limitBytes) {
        renameSync(path, `${path}.1`);
        file.reopen();
        bytes = 0;
      }
      file.write(line);
      bytes += Buffer.byteLength(line);
    },
  };
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}
