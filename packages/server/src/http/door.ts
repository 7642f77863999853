/** Where requests come in: the daemon's own socket, whose opener is its owner, or TCP, where everybody has to say who they are. */
import type { IncomingMessage } from "node:http";
import { isIP } from "node:net";
import { AlcoveError } from "@alcove/contract";
import type { Caller } from "../control/access/access-control.js";
import { headersOf } from "../lib/grouped-headers.js";

export interface Door {
  /** Who comes without a token. */
  readonly caller: Caller | undefined;
  /** Names that a request may call the daemon by; undefined: any. */
  readonly hosts: ReadonlySet<string> | undefined;
  /** Origins of web pages that may call. */
  readonly origins: ReadonlySet<string>;
}

export const socketDoor = (owner: Caller): Door => ({ caller: owner, hosts: undefined, origins: new Set() });

export interface TcpDoorOptions {
  readonly host: string;
  readonly allowedHosts: readonly string[];
  readonly trustedOrigins: readonly string[];
}

export function tcpDoor({ host, allowedHosts, trustedOrigins }: TcpDoorOptions): Door {
  const hosts = [host, ...loopbackNames, ...allowedHosts].map((name) => name.toLowerCase());
  return { caller: undefined, hosts: new Set(hosts), origins: new Set(trustedOrigins) };
}

const loopbackNames = ["localhost", "127.0.0.1", "::1"];

/** A page in a browser reaches the daemon neither as itself nor under a name that it has bent to this host. */
export function checkComing(door: Door, request: IncomingMessage): void {
  checkHost(door, request);
  const { origin } = request.headers;
  if (origin === undefined || door.origins.has(origin)) return;
  const isOpen = door.origins.size > 0;
  throw new AlcoveError("Forbidden", "Requests from web pages are refused.", {
    field: "origin",
    value: origin.slice(0, 80),
    hint: isOpen ? "Name the page's origin in trustedOrigins." : "Send no Origin header.",
  });
}

/** The page that may read the answer, if it is one. */
export function trustedOrigin(door: Door, request: IncomingMessage): string | undefined {
  const { origin } = request.headers;
  return origin !== undefined && door.origins.has(origin) ? origin : undefined;
}

function checkHost({ hosts }: Door, request: IncomingMessage): void {
  if (hosts === undefined) return;
  const given = headersOf(request).host ?? [];
  const name = given.length === 1 ? hostName(given[0] ?? "") : undefined;
  if (name !== undefined && (hosts.has(name) || isOwnAddress(name, request))) return;
  throw new AlcoveError("Forbidden", "The daemon is not known by the name in the Host header.", {
    field: "host",
    value: given.join(", ").slice(0, 80),
    hint: "Use an address that it listens on, or name this host in allowedHosts.",
  });
}

/** Lower case, without port and brackets; undefined where it is none. */
function hostName(host: string): string | undefined {
  const [, bracketed, plain] = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]/@\s]+))(?::\d{1,5})?$/.exec(host) ?? [];
  return (bracketed ?? plain)?.toLowerCase();
}

/** No name can be bent to what is itself an address. */
function isOwnAddress(name: string, { socket }: IncomingMessage): boolean {
  return isIP(name) !== 0 && socket.localAddress?.replace(/^::ffff:/, "") === name;
}
