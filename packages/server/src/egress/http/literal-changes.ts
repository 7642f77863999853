/** Headers of a rule, with the values that it names put in. */
import type { HeaderChange, ValueRef } from "@alcove/contract";
import type { LiteralChange } from "../message/header-list.js";

export function refsOf(changes: readonly HeaderChange[]): readonly ValueRef[] {
  return changes.flatMap((change) => (change.operation === "Remove" ? [] : (change.valueRef ?? [])));
}

/** @throws ValueFailure */
export function literalChanges(
  changes: readonly HeaderChange[],
  resolve: (ref: ValueRef) => string,
): readonly LiteralChange[] {
  return changes.map((change): LiteralChange => {
    if (change.operation === "Remove") return change;
    const { operation, name, value = "", valueRef } = change;
    return { operation, name, value: valueRef === undefined ? value : resolve(valueRef) };
  });
}
