/** What a sandbox's program wrote. */
import { type LogEntry, streamLogs } from "@alcove/contract";
import { ByteStream } from "./byte-stream.js";
import { call } from "./call.js";
import type { Abortable } from "./files.js";
import type { SandboxAddress } from "./scope.js";

export interface LogOptions extends Abortable {
  /** How many lines from before, at most 300; default 100, with `since` all that are kept. */
  readonly tail?: number | undefined;
  /** None that were read from the program before. */
  readonly since?: Date | string | undefined;
  /** Go on until the program ends. */
  readonly follow?: boolean | undefined;
  /** Another exec's log; default: that of the program which was started with the sandbox. */
  readonly execId?: string | undefined;
}

/** Line by line, with stream and time. */
export async function* readLogs(address: SandboxAddress, options: LogOptions): AsyncGenerator<LogEntry> {
  const stream = await openLogs(address, options, "json");
  for await (const line of stream.lines()) if (line !== "") yield JSON.parse(line) as LogEntry;
}

export async function openLogs(
  { transport, params }: SandboxAddress,
  { tail, since, follow, execId, signal }: LogOptions,
  logFormat: "text" | "json",
): Promise<ByteStream> {
  const from = since instanceof Date ? since.toISOString() : since;
  const query = { tailLines: tail, since: from, logFormat, follow, execId };
  return new ByteStream((await call(transport, streamLogs, { params, query, signal })).body);
}
