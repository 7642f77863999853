/** What the configuration says about ports that speak TCP: where the server listens for them, and as what clients know that place. */
import { formatAddress, parseAddress } from "@alcove/contract";
import { z } from "zod";
import type { NetworkConfig } from "./config-network.js";
import { type PreviewConfig, usualPreviewListen } from "./config-previews.js";

/** Below it the gateway's process, which is no root, may not listen. */
const lowest = 1_024;

/** `127.0.0.1:20000-20099`, `[::]:20000-20099`. */
const ListenRange = z
  .string()
  .regex(
    /^(?:\[[0-9a-fA-F:.]+\]|\d{1,3}(?:\.\d{1,3}){3}):\d{1,5}-\d{1,5}$/,
    "must be ADDRESS:FIRST-LAST, such as 127.0.0.1:20000-20099 or [::]:20000-20099",
  )
  .transform((text) => {
    const at = text.lastIndexOf(":");
    const [first = 0, last = 0] = text
      .slice(at + 1)
      .split("-")
      .map(Number);
    return { host: text.slice(0, at).replace(/^\[|\]$/g, ""), first, last };
  })
  .refine(({ host }) => parseAddress(host) !== undefined, "must begin with an address")
  .refine(
    ({ first, last }) => first >= lowest && first <= last && last <= 65_535,
    `must have ports from ${lowest} to 65535, the first no higher than the last`,
  );

export const tcpPortKeys = {
  tcpPortsListen: ListenRange.optional().describe(
    "Address and range of ports, ADDRESS:FIRST-LAST, on which sandboxes' ports with the protocol Tcp get a listener each. Whoever reaches it comes in without a key; see ports.md",
  ),
  tcpPortsHost: z
    .string()
    .regex(/^[A-Za-z0-9:.-]{1,253}$/, "must be a name or an address without a port, such as alcove.example.com")
    .optional()
    .describe(
      "Name or address by which clients reach `tcpPortsListen`; needed where that is every address of the host",
    ),
};

export interface TcpPortConfig {
  readonly tcpPortsListen?: { readonly host: string; readonly first: number; readonly last: number } | undefined;
  readonly tcpPortsHost?: string | undefined;
}

type ListenConfig = TcpPortConfig & Pick<NetworkConfig, "listen"> & Pick<PreviewConfig, "previewListen">;

/** What is wrong between keys, with the key to correct. */
export function tcpPortsFault(config: ListenConfig): { readonly key: string; readonly message: string } | undefined {
  const { tcpPortsListen: range, tcpPortsHost, listen, previewListen = usualPreviewListen } = config;
  if (range === undefined) return undefined;
  if (tcpPortsHost === undefined && isEvery(range.host))
    return { key: "tcpPortsHost", message: "must be given where tcpPortsListen is every address of the host" };
  const own = { listen, previewListen: previewListen === "off" ? undefined : previewListen };
  for (const [key, place] of Object.entries(own)) {
    if (place === undefined || place.port < range.first || place.port > range.last) continue;
    if (!mayBeSame(place.host, range.host)) continue;
    return { key: "tcpPortsListen", message: `must not have port ${place.port}, which is the server's own by ${key}` };
  }
  return undefined;
}

/** A name may be any address of the host. */
function mayBeSame(host: string, address: string): boolean {
  return (
    [host, address].some((one) => isEvery(one) || canonical(one) === undefined) ||
    canonical(host) === canonical(address)
  );
}

function isEvery(host: string): boolean {
  return ["0.0.0.0", "::"].includes(canonical(host) ?? "");
}

function canonical(host: string): string | undefined {
  const address = parseAddress(host);
  return address && formatAddress(address);
}
