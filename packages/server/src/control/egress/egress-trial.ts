/** What a policy would decide about a URL, and why. Nothing is sent, and no name is resolved. */
import { AlcoveError, type EgressPolicy, type EgressTest, normalizeHost } from "@alcove/contract";
import { compileEgress } from "../../policy/egress/compile.js";
import { explain } from "../../policy/egress/explain.js";
import { compileHosts } from "../../policy/egress/host-patterns.js";
import { mustOpen } from "../../policy/egress/names.js";
import type { EgressQuestion } from "../../policy/egress/verdict.js";
import { type EgressWarning, egressWarnings } from "../../policy/egress/warnings.js";

interface Asked {
  readonly url: string;
  readonly method?: string | undefined;
}

interface Known {
  /** Patterns of those for whose sake TLS is opened too. */
  readonly placeholderHosts?: readonly string[];
  /** Beside those of the policy alone. */
  readonly warnings?: readonly EgressWarning[];
  readonly defaultRoute?: string | undefined;
}

export function testedEgress(
  policy: EgressPolicy,
  { url, method = "GET" }: Asked,
  { placeholderHosts = [], warnings = [], defaultRoute }: Known = {},
): EgressTest {
  const compiled = compileEgress(policy);
  const { path, ...connection } = questionOf(url);
  const { scheme, host, port } = connection;
  const mayPutIn = policy.trafficInspection !== "None" && compileHosts(placeholderHosts)(host);
  const isOpen = scheme === "https" && (mayPutIn || mustOpen(compiled, host, port));
  const isRequest = scheme === "http" || isOpen;
  const { verdict, considered } = explain(compiled, isRequest ? { ...connection, method, path } : connection);
  const goesOut = !verdict.isDenied || compiled.isAudit;
  const route = goesOut ? (verdict.route ?? defaultRoute) : undefined;
  return {
    verdict: verdict.isDenied ? "Deny" : "Allow",
    action: verdict.action.type,
    ...{ rule: verdict.rule, reason: verdict.reason, opensTls: isOpen },
    ...(route !== undefined && { route }),
    isEnforced: policy.enforcementMode !== "Audit",
    warnings: [...egressWarnings(policy), ...warnings].map(({ code, message, field }) => ({ code, message, field })),
    considered: considered.map(({ rule, matched, why }) => ({ rule, matched, why })),
  };
}

const defaultPorts = { http: 80, https: 443 } as const;

function questionOf(text: string): EgressQuestion & { readonly path: string } {
  const [, scheme, authority, rest] = /^(https?|tcp):\/\/([^/?#\\]+)([^#]*)(?:#.*)?$/i.exec(text) ?? [];
  const known = scheme?.toLowerCase();
  if ((known !== "http" && known !== "https" && known !== "tcp") || authority === undefined)
    throw invalid(text, "must be http://HOST/PATH, https://HOST/PATH or tcp://HOST:PORT");
  const [, name, bracketed, port] = /^(?:([^:@[\]]+)|\[([^\]@]+)\])(?::(\d{1,5}))?$/.exec(authority) ?? [];
  const host = normalizeHost(name ?? bracketed ?? "");
  if (host === undefined) throw invalid(text, "must name a host or an address, without a user");
  const number = port === undefined ? portOf(known) : Number(port);
  if (number === undefined || number < 1 || number > 65_535) throw invalid(text, "must name a port from 1 to 65535");
  return { host: host.host, port: number, scheme: known, path: rest?.startsWith("/") ? rest : `/${rest ?? ""}` };
}

function portOf(scheme: "http" | "https" | "tcp"): number | undefined {
  return scheme === "tcp" ? undefined : defaultPorts[scheme];
}

function invalid(url: string, what: string): AlcoveError {
  return new AlcoveError("InvalidRequest", `url ${what}.`, { field: "url", value: url.slice(0, 200) });
}
