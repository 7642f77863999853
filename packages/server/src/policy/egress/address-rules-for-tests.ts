import { parseAddress, rangeHas, readRange } from "@alcove/contract";
import { type AddressRule, portsAsked } from "./address-rules.js";

/** As a guest understands them. */
export function isRejected(rules: readonly AddressRule[], host: string, port: number): boolean {
  if (portsAsked.includes(port)) return false;
  const address = parseAddress(host) ?? [];
  const has = (text: string) => {
    const range = readRange(text);
    return !("message" in range) && rangeHas(range, address);
  };
  const rule = rules.find((each) => (each.port === undefined || each.port === port) && has(each.range));
  return rule?.action === "Reject";
}
