/** What a build needs of the machine that it happens in; control makes one out of a sandbox that nobody else has. */

export interface BuildMachine extends AsyncDisposable {
  write(path: string, content: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<void>;
  /** Unpacks a tar into a new directory. */
  unpack(path: string, archive: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<void>;
  read(path: string, signal: AbortSignal): Promise<AsyncIterable<Uint8Array>>;
  /** Runs a program to its end, as root, and tells every line of its output. Answers its exit code. */
  run(argv: readonly string[], onLine: (line: string) => void, signal: AbortSignal): Promise<number>;
}

/** Waits for the host to have room. What has no end by the deadline is ended, with a sentence. */
export type OpenBuildMachine = (
  signal: AbortSignal,
  onStep: (message: string) => void,
) => Promise<BuildMachine & { readonly signal: AbortSignal }>;
