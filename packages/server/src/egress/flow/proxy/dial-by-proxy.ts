/**
 * Connects to a server by a proxy. It is told the name, and looks it up by itself; so the addresses of names are not checked here, but those
 * that programs say, or that the group's overrides say, are, as ever. The proxy's own address is not: the group's owner said it.
 */
import type { Socket } from "node:net";
import { parseAddress } from "@alcove/contract";
import { type Deadline, withDeadline } from "../../../lib/deadline.js";
import type { UpstreamRoute } from "../../gateway.js";
import { DialFailure } from "../../http/dial-failure.js";
import { connectTo, reasonOf } from "../connect-to.js";
import { secure, trustOf } from "../dial-tls.js";
import type { Dialled, Dialling } from "../dialling.js";
import { askByConnect } from "./http-connect.js";
import { ProxyRefusal } from "./proxy-refusal.js";
import { askBySocks } from "./socks5.js";

export type ProxyRoute = Extract<UpstreamRoute, { type: "Proxy" }>;

/** From the first packet to the proxy until it has connected. */
const proxyTimeoutMs = 15_000;
const maximumAddresses = 4;
const attemptTimeoutMs = 4_000;

/** @throws DialFailure */
export async function dialByProxy(dialling: Dialling, route: ProxyRoute, signal: AbortSignal): Promise<Dialled> {
  const { host, port } = dialling;
  const address = knownAddress(dialling);
  if (address !== undefined ? !dialling.mayReach(address) : isLocalName(host)) {
    throw new DialFailure(
      "forbidden-address",
      `${host} leads to ${address ?? "a host's own self"}, which nothing is sent to`,
    );
  }
  using deadline = withDeadline(signal, proxyTimeoutMs);
  try {
    const socket = await connected(dialling, new URL(route.url), { route, deadline });
    await asked(socket, { route, host: address ?? host, port }, deadline);
    return { socket, address };
  } catch (cause) {
    signal.throwIfAborted();
    const message = `${host}:${port} could not be reached by the proxy of its route: ${whyOf(cause, deadline)}`;
    throw new DialFailure("unreachable", message, { cause });
  }
}

/** What the gateway itself knows of where the host is. */
function knownAddress({ host, overrides }: Dialling): string | undefined {
  if (parseAddress(host) !== undefined) return host;
  return Object.hasOwn(overrides, host) ? overrides[host] : undefined;
}

/** RFC 6761: the host that is asked itself, whichever that is. */
function isLocalName(host: string): boolean {
  return host === "localhost" || host.endsWith(".localhost");
}

interface Within {
  readonly route: ProxyRoute;
  readonly deadline: Deadline;
}

async function connected(
  { resolution, overrides }: Dialling,
  { protocol, hostname, port }: URL,
  { route, deadline: { signal } }: Within,
): Promise<Socket> {
  const host = hostname.replace(/^\[|\]$/g, "").toLowerCase();
  const addresses = (await resolution.addressesOf(host, overrides, signal)).slice(0, maximumAddresses);
  const socket = await firstOf(addresses, { port: Number(port) || (defaultPorts[protocol] ?? 0), signal });
  if (protocol !== "https:") return socket;
  return await secure(socket, { host, protocols: ["http/1.1"], trust: trustOf(route.certificates) }, signal);
}

const defaultPorts: Readonly<Record<string, number>> = { "http:": 80, "https:": 443, "socks5:": 1080 };

async function firstOf(
  addresses: readonly string[],
  { port, signal }: { readonly port: number; readonly signal: AbortSignal },
): Promise<Socket> {
  let last: unknown;
  for (const address of addresses) {
    try {
      return await connectTo({ address, port }, addresses.length > 1 ? attemptTimeoutMs : proxyTimeoutMs, signal);
    } catch (error) {
      signal.throwIfAborted();
      last = error;
    }
  }
  throw new ProxyRefusal(`it could not be connected to: ${reasonOf(last)}`);
}

/** Whatever comes of it, nothing waits for the proxy longer than the deadline; where it refuses, the socket is gone. */
async function asked(
  socket: Socket,
  { route, ...target }: { readonly route: ProxyRoute; readonly host: string; readonly port: number },
  { signal }: Deadline,
): Promise<void> {
  const giveUp = () => void socket.destroy();
  signal.addEventListener("abort", giveUp, { once: true });
  try {
    signal.throwIfAborted();
    const ask = route.url.startsWith("socks5:") ? askBySocks : askByConnect;
    await ask(socket, target, route.credentials);
  } catch (error) {
    socket.destroy();
    throw error;
  } finally {
    signal.removeEventListener("abort", giveUp);
  }
}

function whyOf(error: unknown, deadline: Deadline): string {
  if (deadline.expired) return "it did not answer in time";
  if (error instanceof ProxyRefusal || error instanceof DialFailure) return error.message;
  return reasonOf(error);
}
