/** A log file that is put aside, as FILE.1, when it has grown to its limit: two of them are all there ever is. */
import { closeSync, fstatSync, openSync, renameSync, writeSync } from "node:fs";

export interface LogFile {
  /** Throws where the disk takes nothing; the next line is tried anew. */
  write(line: string): void;
}

export function boundedFile(path: string, limitBytes: number): LogFile {
  let descriptor = openSync(path, "a", 0o600);
  let bytes = fstatSync(descriptor).size;
  const putAside = () => {
    renameSync(path, `${path}.1`);
    closeSync(descriptor);
    descriptor = openSync(path, "a", 0o600);
    bytes = 0;
  };
  return {
    write(line) {
      const size = Buffer.byteLength(line);
      if (bytes > 0 && bytes + size > limitBytes) putAside();
      bytes += writeSync(descriptor, line);
    },
  };
}
