/** What one sandbox may reach, and what was decided about what it tried. */
import {
  type EgressDecisionLine,
  type EgressDecisions,
  type EgressPolicy,
  type EgressTest,
  getEgressDecisions,
  type Sandbox,
  setEgressPolicy,
  setEgressPolicyId,
  streamEgressDecisions,
  testSandboxEgress,
} from "@alcove/contract";
import { ByteStream } from "./byte-stream.js";
import { call } from "./call.js";
import type { Abortable } from "./files.js";
import type { SandboxAddress } from "./scope.js";

export interface FollowDecisions extends Abortable {
  /** Each from now on, until the signal aborts, the iteration is left or the sandbox is deleted. */
  readonly follow: true;
}

export interface TestEgressOptions extends Abortable {
  /** Default GET. */
  readonly method?: string | undefined;
}

/** A policy, or the name of one of the group's. */
export function replaceEgressPolicy(
  { transport, params }: SandboxAddress,
  policy: EgressPolicy | string,
  { signal }: Abortable,
): Promise<Sandbox> {
  return typeof policy === "string"
    ? call(transport, setEgressPolicyId, { params, body: { egressPolicyId: policy }, signal })
    : call(transport, setEgressPolicy, { params, body: policy, signal });
}

export function readDecisions({ transport, params }: SandboxAddress, { signal }: Abortable): Promise<EgressDecisions> {
  return call(transport, getEgressDecisions, { params, signal });
}

export async function* followDecisions(
  { transport, params }: SandboxAddress,
  { signal }: Abortable,
): AsyncGenerator<EgressDecisionLine> {
  const { body } = await call(transport, streamEgressDecisions, { params, signal });
  for await (const line of new ByteStream(body).lines()) if (line !== "") yield JSON.parse(line) as EgressDecisionLine;
}

export function testUrl(
  { transport, params }: SandboxAddress,
  url: string,
  { method, signal }: TestEgressOptions,
): Promise<EgressTest> {
  return call(transport, testSandboxEgress, { params, body: { url, method }, signal });
}
