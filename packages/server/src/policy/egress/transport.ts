/** Transport rules: ranges of addresses, before everything else. */
import { parseAddress, rangeHas } from "@alcove/contract";
import type { CompiledEgress, CompiledTransportRule } from "./compile.js";

/** What the first rule for an address and port says; undefined where there is none. */
export function transportVerdict(
  { transport }: CompiledEgress,
  address: string,
  port: number,
): { readonly action: "Allow" | "Deny"; readonly rule: string } | undefined {
  const parsed = transport.length === 0 ? undefined : parseAddress(address);
  if (parsed === undefined) return undefined;
  const has = (rule: CompiledTransportRule) =>
    (rule.port === undefined || rule.port === port) && rangeHas(rule.range, parsed);
  const found = transport.find(has);
  return found === undefined ? undefined : { action: found.action, rule: found.name };
}

/**
 * Whether a host may lead to an address: as the transport rules say, and where none does, if it is not refused by itself, as a private one is. In
 * Audit mode no rule forbids it.
 */
export function mayLeadTo(
  compiled: CompiledEgress,
  address: string,
  { port, isRefused }: { readonly port: number; readonly isRefused: (address: string) => boolean },
): boolean {
  const action = transportVerdict(compiled, address, port)?.action;
  if (action === "Allow") return true;
  return (action === undefined || compiled.isAudit) && !isRefused(address);
}
