/** What can be done about what sandboxes may reach. */
import type {
  EgressDecisionLine,
  EgressDecisions,
  EgressPolicy,
  EgressTest,
  GroupEgress,
  NamedEgressPolicy,
  PutEgressPolicy,
  Sandbox,
  TestEgress,
  TestSandboxEgress,
} from "@alcove/contract";
import type { ByMaker, SandboxRef } from "../sandboxes/sandbox-control.js";

export interface EgressControl {
  /** Answers when it is in force; of a sandbox that does not run, when it is on record. */
  setPolicy(ref: SandboxRef, policy: EgressPolicy, by?: Pick<ByMaker, "ownsGroup">): Promise<Sandbox>;
  /** The same, with one of the group's policies. */
  setPolicyId(ref: SandboxRef, egressPolicyId: string): Promise<Sandbox>;
  decisions(ref: SandboxRef): Promise<EgressDecisions>;
  /** From now on; ends with the signal, the daemon and the sandbox. */
  followDecisions(ref: SandboxRef, signal: AbortSignal): Promise<AsyncIterable<EgressDecisionLine>>;
  testSandbox(ref: SandboxRef, asked: TestSandboxEgress): Promise<EgressTest>;
  test(group: string, asked: TestEgress): Promise<EgressTest>;
  readonly policies: EgressPolicyControl;
  settings(group: string): Promise<GroupEgress>;
  /** Answers when they are in force. */
  setSettings(group: string, settings: GroupEgress): Promise<GroupEgress>;
}

/** The named ones of a group. */
export interface EgressPolicyControl {
  list(group: string): Promise<readonly NamedEgressPolicy[]>;
  get(ref: EgressPolicyRef): Promise<NamedEgressPolicy>;
  /** Answers when it is in force for all that refer to it. */
  put(ref: EgressPolicyRef, body: PutEgressPolicy): Promise<NamedEgressPolicy>;
  delete(ref: EgressPolicyRef): Promise<void>;
}

/** Names one, as in a path. */
export interface EgressPolicyRef {
  readonly group: string;
  readonly egressPolicyId: string;
}
