import { normalizeHost } from "@alcove/contract";
import type { HttpFlow } from "./flow.js";

export const defaultPorts = { http: 80, https: 443 } as const;

/** Whether a Host or :authority names what the connection leads to: its name and its port, nothing besides. */
export function namesFlow(
  authority: string,
  { scheme, host, port }: Pick<HttpFlow, "scheme" | "host" | "port">,
): boolean {
  const parts = /^(\[[^\][]*\]|[^:[\]@]*)(?::(\d{1,5}))?$/.exec(authority);
  if (parts === null) return false;
  const [, asked = "", askedPort] = parts;
  const isPort = Number(askedPort ?? defaultPorts[scheme]) === port;
  return isPort && normalizeHost(asked)?.host === host;
}

/** As it stands in Host, :authority and URLs. */
export function authorityOf({ scheme, host, port }: Pick<HttpFlow, "scheme" | "host" | "port">): string {
  const bracketed = host.includes(":") ? `[${host}]` : host;
  return port === defaultPorts[scheme] ? bracketed : `${bracketed}:${port}`;
}
