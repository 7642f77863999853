/** What becomes of a request: the policy's verdict, or in its place what the endpoint says that a rule leaves it to. */
import type { RuleAction } from "@alcove/contract";
import type { EgressVerdict } from "../../policy/egress/verdict.js";
import type { HttpFlow } from "./flow.js";
import type { ProgramRequest } from "./program-request.js";
import type { UnderWay } from "./under-way.js";

export interface FinalVerdict extends Omit<EgressVerdict, "action"> {
  readonly action: Exclude<RuleAction, { type: "Hook" }>;
  /** More of the reason, for those who may see decisions; the program is not told. */
  readonly detail?: string;
}

export interface VerdictContext {
  readonly request: ProgramRequest;
  /** With its query. */
  readonly path: string;
  readonly flow: HttpFlow;
  readonly underWay: Set<UnderWay>;
}

/** `decide` is asked anew where the settings changed while an endpoint was being asked. Never rejects. */
export type AskForVerdict = (decide: () => EgressVerdict, context: VerdictContext) => Promise<FinalVerdict>;
