/**
 * Which registries may be spoken to, and how. Whoever may pull names any host, so the daemon's network is the caller's to
 * knock at: without a list everything is allowed but link-local addresses, where clouds keep their machines' credentials, and
 * this host itself, whose services take whoever comes from there for one of their own; an administrator can name one or pull.
 */
import { lookup } from "node:dns/promises";
import { BlockList, isIP } from "node:net";
import { connect as connectTls } from "node:tls";
import { AlcoveError } from "@alcove/contract";

export interface RegistrySettings {
  /** Where a reference without a host is looked for. */
  readonly defaultRegistry?: string;
  /** Hosts, `*.` before one for all below it; any when left out. */
  readonly allowed?: readonly string[];
  /** Hosts that are spoken to without checking who answers, or without TLS. */
  readonly insecure: readonly string[];
  /** A directory with certificates of authorities, `*.crt`, beside the system's. */
  readonly certificates?: string;
}

/** Refuses, or answers whether the registry has to prove who it is. */
export async function admitRegistry(
  registry: string,
  settings: RegistrySettings,
  { signal, isAdministrators = false }: { readonly signal: AbortSignal; readonly isAdministrators?: boolean },
): Promise<{ readonly verifyTls: boolean }> {
  const { allowed, insecure } = settings;
  if (allowed !== undefined && !allowed.some((pattern) => fits(registry, pattern))) throw notAllowed(registry);
  const addresses = await addressesOf(hostOf(registry));
  signal.throwIfAborted();
  if (allowed === undefined && addresses.some(isForbidden)) throw linkLocal(registry);
  const isTrusted = isAdministrators || isNamed(registry, settings);
  if (!isTrusted && addresses.some((address) => isIn(loopback, address))) throw ofThisHost(registry);
  if (insecure.some((pattern) => fits(registry, pattern))) return { verifyTls: false };
  const isLoopback = addresses.length > 0 && addresses.every((address) => isIn(loopback, address));
  return { verifyTls: !isLoopback || (await speaksTls(registry, signal)) };
}

function isNamed(registry: string, { allowed = [], insecure, defaultRegistry }: RegistrySettings): boolean {
  return registry === defaultRegistry || [...allowed, ...insecure].some((pattern) => fits(registry, pattern));
}

function fits(registry: string, pattern: string): boolean {
  if (pattern === registry || pattern === hostOf(registry)) return true;
  return pattern.startsWith("*.") && hostOf(registry).endsWith(pattern.slice(1));
}

function hostOf(registry: string): string {
  return registry.replace(/:\d+$/, "").replace(/^\[|\]$/g, "");
}

/** A name that is nowhere has none: the program that connects says so better. */
async function addressesOf(host: string): Promise<readonly string[]> {
  if (isIP(host)) return [host];
  return (await lookup(host, { all: true }).catch(() => [])).map(({ address }) => address);
}

const forbidden = new BlockList();
forbidden.addSubnet("169.254.0.0", 16);
forbidden.addSubnet("0.0.0.0", 8);
forbidden.addSubnet("224.0.0.0", 3);
forbidden.addSubnet("fe80::", 10, "ipv6");
forbidden.addSubnet("ff00::", 8, "ipv6");
forbidden.addSubnet("fd00:ec2::", 32, "ipv6");
forbidden.addAddress("::", "ipv6");

const loopback = new BlockList();
loopback.addSubnet("127.0.0.0", 8);
loopback.addAddress("::1", "ipv6");

function isForbidden(address: string): boolean {
  return isIn(forbidden, address);
}

function isIn(list: BlockList, address: string): boolean {
  return list.check(address, isIP(address) === 6 ? "ipv6" : "ipv4");
}

/** A registry on this machine may do without TLS; one that has it has to prove itself like any other. */
function speaksTls(registry: string, signal: AbortSignal): Promise<boolean> {
  const port = Number(/:(\d+)$/.exec(registry)?.[1] ?? 443);
  return new Promise((resolve) => {
    const socket = connectTls({ host: hostOf(registry), port, rejectUnauthorized: false, timeout: 5_000 });
    const settle = (answer: boolean) => {
      signal.removeEventListener("abort", onAbort);
      socket.destroy();
      resolve(answer);
    };
    const onAbort = () => settle(false);
    signal.addEventListener("abort", onAbort, { once: true });
    socket.once("secureConnect", () => settle(true));
    socket.once("error", () => settle(false)).once("timeout", () => settle(false));
  });
}

function notAllowed(registry: string): AlcoveError {
  return new AlcoveError("InvalidRequest", `The registry ${registry} is none of those that are allowed here.`, {
    field: "source.imageUrl",
    value: registry,
    hint: "An administrator can add it to the configuration key allowedRegistries.",
  });
}

function ofThisHost(registry: string): AlcoveError {
  return new AlcoveError("InvalidRequest", `The registry ${registry} is on the daemon's own host.`, {
    field: "source.imageUrl",
    value: registry,
    hint: "An administrator can pull from it, or name it in the configuration keys allowedRegistries or insecureRegistries.",
  });
}

function linkLocal(registry: string): AlcoveError {
  return new AlcoveError("InvalidRequest", `The registry ${registry} has an address that no registry has.`, {
    field: "source.imageUrl",
    value: registry,
    hint: "Use the registry's public or private address; the configuration key allowedRegistries can name this one.",
  });
}
