/** Whether somebody at an address may come to a port: the rules by priority, the lowest first, the first that has the address counts. Pure. */
import { type Address, type PortIpAccessControl, rangeHas, readRange } from "@alcove/contract";

export interface IpVerdict {
  readonly action: "Allow" | "Deny";
  /** Left out: none has the address, and the default counts. */
  readonly rule?: string;
}

/** Of a port without such rules everybody may. */
export function decideAddress(control: PortIpAccessControl | undefined, address: Address): IpVerdict {
  if (control === undefined) return { action: "Allow" };
  const { defaultAction, rules = [] } = control;
  const inOrder = [...rules].sort((one, other) => one.priority - other.priority);
  const rule = inOrder.find(({ sourceCidrs }) => sourceCidrs.some((cidr) => isIn(cidr, address)));
  return rule === undefined ? { action: defaultAction } : { action: rule.action, rule: rule.name };
}

function isIn(cidr: string, address: Address): boolean {
  const range = readRange(cidr);
  return !("message" in range) && rangeHas(range, address);
}
