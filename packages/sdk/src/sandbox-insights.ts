/** Looking into a sandbox: what it uses, its processes. It wakes nothing, and keeps nothing awake. */
import {
  getSandboxStats,
  listProcesses,
  type ProcessList,
  type SandboxStats,
  streamProcesses,
  streamSandboxStats,
} from "@alcove/contract";
import { ByteStream } from "./byte-stream.js";
import { call } from "./call.js";
import type { Abortable } from "./files.js";
import type { SandboxAddress } from "./scope.js";

export interface FollowOptions extends Abortable {
  /** 250 to 3,600,000; default 2,000. */
  readonly intervalMs?: number | undefined;
}

export function readStats({ transport, params }: SandboxAddress, { signal }: Abortable): Promise<SandboxStats> {
  return call(transport, getSandboxStats, { params, signal });
}

export async function* followStats(
  { transport, params }: SandboxAddress,
  { intervalMs, signal }: FollowOptions,
): AsyncGenerator<SandboxStats> {
  const { body } = await call(transport, streamSandboxStats, { params, query: { intervalMs }, signal });
  for await (const line of new ByteStream(body).lines()) if (line !== "") yield JSON.parse(line) as SandboxStats;
}

export function readProcesses({ transport, params }: SandboxAddress, { signal }: Abortable): Promise<ProcessList> {
  return call(transport, listProcesses, { params, signal });
}

export async function* followProcesses(
  { transport, params }: SandboxAddress,
  { intervalMs, signal }: FollowOptions,
): AsyncGenerator<ProcessList> {
  const { body } = await call(transport, streamProcesses, { params, query: { intervalMs }, signal });
  for await (const line of new ByteStream(body).lines()) if (line !== "") yield JSON.parse(line) as ProcessList;
}
