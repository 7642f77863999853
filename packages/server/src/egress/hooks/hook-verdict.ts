/** The verdict on a request where a rule leaves it to an endpoint: asked for each request, again where the settings change meanwhile. */
import type { RuleAction } from "@alcove/contract";
import type { EgressVerdict } from "../../policy/egress/verdict.js";
import type { FinalVerdict, VerdictContext } from "../http/final-verdict.js";
import { askEndpoint } from "./ask-endpoint.js";
import { type HookAnswer, readHookAnswer } from "./hook-answer.js";
import { questionOf } from "./question.js";

export async function finalVerdict(decide: () => EgressVerdict, context: VerdictContext): Promise<FinalVerdict> {
  for (;;) {
    const { action, ...verdict } = decide();
    if (action.type !== "Hook") return { ...verdict, action };
    const asking = new AbortController();
    const recheck = { recheck: () => asking.abort(new Error("the policy was changed")) };
    context.underWay.add(recheck);
    context.request.answer.onClose(() => asking.abort(gone));
    try {
      const answered = await answerOf({ hook: action, rule: verdict.rule }, context, asking.signal);
      return { ...verdict, ...answeredBy(verdict.rule, answered) };
    } catch (error) {
      if (asking.signal.reason === gone)
        return { ...verdict, ...unanswered(verdict.rule, { isAllowed: false, error: gone }) };
      if (!asking.signal.aborted) {
        const isAllowed = action.failBehavior === "Allow";
        return { ...verdict, ...unanswered(verdict.rule, { isAllowed, error: error as Error }) };
      }
    } finally {
      context.underWay.delete(recheck);
    }
  }
}

const gone = new Error("the program was gone before it answered");

interface Asking {
  readonly hook: Extract<RuleAction, { type: "Hook" }>;
  readonly rule: string;
}

async function answerOf({ hook, rule }: Asking, context: VerdictContext, signal: AbortSignal): Promise<HookAnswer> {
  const { flow, path, request } = context;
  const { method, headers } = request;
  const question = questionOf(hook, { rule, method, path, headers }, flow);
  const text = await flow.asking(signal, () => askEndpoint(hook, question, { flow, signal }));
  const { action, reason } = readHookAnswer(text, flow);
  // The program is told, and it may be about what was sent to authenticate.
  return { action, reason: reason && (flow.echoes()?.sentence(reason) ?? reason) };
}

type Decided = Omit<FinalVerdict, "rule" | "route">;

function answeredBy(rule: string, { action, reason }: HookAnswer): Decided {
  const isDenied = action.type === "Deny";
  const does = isDenied ? "denies it" : `answers ${action.type}`;
  const told = `the endpoint of rule "${rule}" ${does}${reason === undefined ? "" : `: ${reason}`}`;
  return { action, reason: told, isDenied };
}

function unanswered(rule: string, { isAllowed, error }: { isAllowed: boolean; error: Error }): Decided {
  const then = isAllowed ? ", and it is allowed then" : "";
  return {
    action: { type: isAllowed ? "Allow" : "Deny" },
    ...{ isDenied: !isAllowed, detail: error.message },
    reason: `the endpoint of rule "${rule}" gave no answer that counts${then}`,
  };
}
