/** Headers of a policy that look as if something were put in, and are sent as they stand. */
import type { EgressPolicy, HeaderChange } from "./egress.js";
import { actionOf } from "./egress-rules.js";

export interface LiteralTemplate {
  readonly code: "LiteralTemplate";
  /** A sentence for people. */
  readonly message: string;
  /** As a path: `rules[3].action.headers[0].value`. */
  readonly field: string;
}

/** Shells and templates have `${}` for what is put in; here it is sent as it stands, or all but the $ of it. */
export function literalTemplates({ rules = [] }: EgressPolicy): LiteralTemplate[] {
  return rules.flatMap((rule, at) => {
    const action = actionOf(rule);
    if (action.type === "Hook") return changesAt(`rules[${at}].hookRef.authHeaders`, action.authHeaders);
    return "headers" in action ? changesAt(`rules[${at}].action.headers`, action.headers) : [];
  });
}

function changesAt(within: string, changes: readonly HeaderChange[] = []): LiteralTemplate[] {
  return changes.flatMap((change, at): LiteralTemplate[] => {
    if (change.operation === "Remove") return [];
    const { name, value, valueRef } = change;
    const field = `${within}[${at}]`;
    if (value?.includes("${") === true) {
      const instead = 'valueRef: { secretRef: { secretId: ID, format: "Bearer {value}" } } in place of value';
      const message = `The header ${name} is sent with \${ as it stands: for a secret's value write ${instead}.`;
      return [{ code: "LiteralTemplate", message, field: `${field}.value` }];
    }
    const format = (valueRef?.secretRef ?? valueRef?.managedIdentityRef)?.format;
    if (format?.includes(`\${value}`) !== true) return [];
    const message = `The header ${name} is sent with a $ before its value: write {value} without the $.`;
    return [{ code: "LiteralTemplate", message, field: `${field}.valueRef` }];
  });
}
