/**
 * What a guest may refuse by itself, so that a scan of ports does not find everything open: connections that the gateway would deny whatever the
 * program says. The gateway decides all the same, and what is not certain by the address and port alone is left to it.
 */
import { isAddressHost } from "./address-host.js";
import type { CompiledEgress, CompiledRule } from "./compile.js";
import { forbiddenFour, forbiddenSix, nameRanges, translatedFour } from "./forbidden-ranges.js";

/** The first for an address and port counts; what none is for is asked of the gateway. */
export interface AddressRule {
  readonly range: string;
  /** Left out: all. */
  readonly port?: number;
  readonly action: "Ask" | "Reject";
}

/** More are not worth it: nothing is refused then. */
export const mostAddressRules = 200;

/** Never refused, whatever the rules say: names, and where a program is answered why it may not. */
export const portsAsked: readonly number[] = [53, 80, 443];

export function addressRules(compiled: CompiledEgress): readonly AddressRule[] {
  if (compiled.isAudit) return [];
  const rules = withoutLastAsks([
    ...nameRanges.map(({ text }) => ask(text)),
    ...compiled.transport.map(
      ({ action, range, port }): AddressRule => ({
        range: range.text,
        ...(port !== undefined && { port }),
        action: action === "Allow" ? "Ask" : "Reject",
      }),
    ),
    ...afterTransport(compiled),
  ]);
  return rules.length > mostAddressRules ? [] : rules;
}

function afterTransport(compiled: CompiledEgress): AddressRule[] {
  const closing = compiled.rules.findIndex((rule) => rule.host === "*" && isUnconditionalDenial(rule));
  const rules = closing === -1 ? compiled.rules : compiled.rules.slice(0, closing);
  const opening = rules.filter(({ action, host }) => action.type !== "Deny" && (host === "*" || isAddressHost(host)));
  const isOpen = closing === -1 && compiled.policy.defaultAction === "Allow";
  if (!isOpen && opening.length === 0) return rejectAll;
  // These may send a request elsewhere than to the address.
  const elsewhere = opening.filter(({ action }) => action.type === "Rewrite" || action.type === "Hook");
  const here = opening.filter((rule) => !elsewhere.includes(rule));
  return [...elsewhere.flatMap(asksOf), ...forbidden, ...here.flatMap(asksOf), ...(isOpen ? [] : rejectAll)];
}

function isUnconditionalDenial({ action, schemes, ports, methods, path }: CompiledRule): boolean {
  const isOfAll = schemes.http && schemes.https && schemes.tcp;
  return action.type === "Deny" && isOfAll && ports === undefined && methods === undefined && path === undefined;
}

function asksOf({ host, ports }: CompiledRule): AddressRule[] {
  const one = host.includes(":") ? `${host}/128` : `${host}/32`;
  const ranges = host === "*" ? everything : [one];
  return ranges.flatMap((range) => (ports === undefined ? [ask(range)] : [...ports].map((port) => ask(range, port))));
}

/** Those after the last that refuses say nothing. */
function withoutLastAsks(rules: readonly AddressRule[]): readonly AddressRule[] {
  return rules.slice(0, rules.findLastIndex(({ action }) => action === "Reject") + 1);
}

function ask(range: string, port?: number): AddressRule {
  return { range, ...(port !== undefined && { port }), action: "Ask" };
}

function reject(range: string): AddressRule {
  return { range, action: "Reject" };
}

const everything = ["0.0.0.0/0", "::/0"];
const rejectAll = everything.map(reject);
/** All that is not 2000::/3. */
const notGlobalSix = ["::/3", "4000::/2", "8000::/1"];
const forbidden = [
  ask(translatedFour.text),
  ...[...forbiddenFour, ...forbiddenSix].map(({ text }) => reject(text)),
  ...notGlobalSix.map(reject),
];
