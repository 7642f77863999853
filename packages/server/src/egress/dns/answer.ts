/**
 * Answers what a sandbox asks DNS, without asking anybody: a name that something may be allowed to gets an address that stands for
 * it, every other there is not.
 */
import { type EgressDecision, normalizeHost } from "@alcove/contract";
import type { CompiledEgress } from "../../policy/egress/compile.js";
import { mayAllowName } from "../../policy/egress/names.js";
import {
  type DnsAnswer,
  type DnsQuestion,
  dnsCode,
  dnsType,
  encodeName,
  internetClass,
  readQuestion,
  writeAnswer,
} from "./message.js";
import { fourBytes, indexOfAddress, reversedAddress, sixBytes } from "./name-addresses.js";
import type { NameTable } from "./name-table.js";

export interface Resolver {
  readonly names: NameTable;
  compiled(): CompiledEgress;
  /** Whether one more may be answered now. */
  mayAsk(): boolean;
  decided(decision: EgressDecision): void;
}

/** Undefined where the message is no question. Never rejects. */
export async function answerDns(message: Buffer, resolver: Resolver): Promise<Buffer | undefined> {
  const question = readQuestion(message);
  if (question === undefined || "refusal" in question) return question?.refusal;
  if (!resolver.mayAsk()) return writeAnswer(question, { code: dnsCode.failure });
  return writeAnswer(question, await answerTo(question, resolver));
}

const refusedTypes: ReadonlySet<number> = new Set([dnsType.ANY, dnsType.AXFR, dnsType.IXFR, dnsType.OPT]);
const nothing: DnsAnswer = { code: dnsCode.ok, isNegative: true };
const noSuchName: DnsAnswer = { code: dnsCode.noSuchName, isNegative: true };

async function answerTo({ name, type, class: kind }: DnsQuestion, resolver: Resolver): Promise<DnsAnswer> {
  if (kind !== internetClass || refusedTypes.has(type)) return { code: dnsCode.refused };
  if (name === undefined) return noSuchName;
  if (name.endsWith(".arpa")) return answerReverse(name, type, resolver);
  const host = normalizeHost(name);
  if (host === undefined || host.isAddress) return noSuchName;
  if (!mayAllowName(resolver.compiled(), host.host)) {
    resolver.decided(denialOf(host.host));
    return noSuchName;
  }
  if (type !== dnsType.A && type !== dnsType.AAAA) return nothing;
  const index = await resolver.names.indexOf(host.host).catch(() => undefined);
  if (index === undefined) return { code: dnsCode.failure };
  const data = type === dnsType.A ? fourBytes(index) : sixBytes(index);
  return { code: dnsCode.ok, records: [{ type, data }] };
}

function answerReverse(name: string, type: number, { names }: Resolver): DnsAnswer {
  const address = reversedAddress(name);
  const index = address === undefined ? undefined : indexOfAddress(address);
  const known = index === undefined ? undefined : names.nameOf(index);
  if (known === undefined) return noSuchName;
  if (type !== dnsType.PTR) return nothing;
  return { code: dnsCode.ok, records: [{ type, data: encodeName(known) }] };
}

function denialOf(host: string): EgressDecision {
  const reason = "no rule can allow anything to it";
  return {
    timestamp: new Date().toISOString(),
    ...{ protocol: "dns", host, verdict: "Deny", isEnforced: true, rule: "default", reason },
  };
}
