/** What a rule's endpoint answered, believed where it is what the rule itself could have said, with values that it says itself. */
import { EgressAction, EgressPolicy, faultWords } from "@alcove/contract";
import * as z from "zod";
import { parseJson } from "../../lib/parse-json.js";
import { printable } from "../../lib/printable.js";
import type { HttpFlow } from "../http/flow.js";

export interface HookAnswer {
  readonly action: EgressAction;
  /** Half a sentence, printable. */
  readonly reason: string | undefined;
}

const Answer = z.strictObject({ action: EgressAction, reason: z.string().max(4_096).optional() });
const longestReason = 300;

/** @throws with what is wrong with it: half a sentence */
export function readHookAnswer(text: string, { scheme, host }: Pick<HttpFlow, "scheme" | "host">): HookAnswer {
  const parsed = Answer.safeParse(jsonOf(text), { error: faultWords });
  if (!parsed.success) throw unusable(parsed.error);
  const { action, reason = "" } = parsed.data;
  const headers = "headers" in action ? (action.headers ?? []) : [];
  if (headers.some((change) => change.operation !== "Remove" && change.valueRef !== undefined)) {
    throw new Error("its answer names a value that stands elsewhere");
  }
  // What no rule may do no answer may do.
  const rules = [{ name: "answer", match: { host, scheme }, action }];
  const asPolicy = EgressPolicy.safeParse({ defaultAction: "Deny", rules }, { error: faultWords });
  if (!asPolicy.success) throw unusable(asPolicy.error);
  const half = printable(reason.trim().replace(/\.+$/, ""), longestReason);
  return { action, reason: half === "" ? undefined : half };
}

function jsonOf(text: string): unknown {
  try {
    return parseJson(text);
  } catch {
    throw new Error("its answer is no JSON");
  }
}

function unusable({ issues: [first] }: z.ZodError): Error {
  const path = first?.path.filter((part) => part !== "rules" && part !== 0).join(".") ?? "";
  return new Error(`its answer cannot be used: ${path} ${first?.message ?? ""}`.replace(/ +/g, " "));
}
