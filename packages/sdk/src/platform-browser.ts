/** What browsers have behind the name `#platform`; `platform-node.ts` has Node's. */
import { type AlcoveOptions, serverSettings } from "./options.js";
import type { Transport } from "./transport.js";
import { createFetchTransport } from "./transport-fetch.js";

const onlyInNode = ["socketPath", "autoStart", "ca", "fingerprint", "connectTimeoutMs"] as const;

export function transportOf(options: AlcoveOptions): Transport {
  const wrong = onlyInNode.find((name) => options[name] !== undefined);
  if (wrong !== undefined) throw new TypeError(`${wrong} is for Node: in a browser the browser makes the connections.`);
  const settings = serverSettings(options.url ?? pageOrigin(), options);
  return createFetchTransport({ ...settings, answerTimeoutMs: options.answerTimeoutMs });
}

function pageOrigin(): string {
  const { location } = globalThis as { readonly location?: { readonly origin: string } };
  if (location === undefined) throw new TypeError("url must be given where there is no page.");
  return location.origin;
}

export function fromEnvironment(_name: string): undefined {
  return undefined;
}

export async function packDirectory(path: string): Promise<AsyncIterable<Uint8Array>> {
  throw new TypeError(`${path} is no directory of a browser's: upload and download are for Node.`);
}

export async function packRoot(path: string, _owners: "root" | "keep"): Promise<AsyncIterable<Uint8Array>> {
  return packDirectory(path);
}

export async function packContext(path: string, _dockerfile: string): Promise<AsyncIterable<Uint8Array>> {
  return packDirectory(path);
}

export async function unpackDirectory(_archive: AsyncIterable<Uint8Array>, path: string): Promise<void> {
  await packDirectory(path);
}
