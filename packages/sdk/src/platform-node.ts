/** What is Node's own, behind the name `#platform`; `platform-browser.ts` has the same for browsers. package.json chooses. */

import { certificateFingerprint } from "./connection-node.js";
import { type AlcoveOptions, serverSettings } from "./options.js";
import type { Transport } from "./transport.js";
import { createLocalTransport } from "./transport-local.js";
import { createNodeTransport } from "./transport-node.js";

export function transportOf(options: AlcoveOptions): Transport {
  const { socketPath, autoStart = true } = options;
  const url =
    options.url ?? (socketPath === undefined && !process.env.ALCOVE_SOCKET ? process.env.ALCOVE_URL : undefined);
  if (options.url !== undefined && socketPath !== undefined) {
    throw new TypeError("url and socketPath are two servers: give one of them.");
  }
  if (!url) {
    refuseTls(options);
    const { apiKey, answerTimeoutMs } = options;
    if (socketPath === undefined) return createLocalTransport({ autoStart, apiKey, answerTimeoutMs });
    return createNodeTransport({ address: { socketPath }, apiKey, answerTimeoutMs });
  }
  const { origin, basePath, apiKey } = serverSettings(url, {
    ...options,
    apiKey: options.apiKey ?? (process.env.ALCOVE_API_KEY || undefined),
  });
  const fingerprint = options.fingerprint ?? (process.env.ALCOVE_FINGERPRINT || undefined);
  const { ca, connectTimeoutMs, answerTimeoutMs } = options;
  const trust = fingerprint === undefined ? { ca } : { fingerprint: certificateFingerprint(fingerprint) };
  return createNodeTransport({ address: { origin, basePath }, apiKey, trust, connectTimeoutMs, answerTimeoutMs });
}

export function fromEnvironment(name: string): string | undefined {
  return process.env[name] || undefined;
}

export async function packDirectory(path: string): Promise<AsyncIterable<Uint8Array>> {
  return (await import("./local-directory.js")).packDirectory(path);
}

export async function packRoot(path: string, owners: "root" | "keep"): Promise<AsyncIterable<Uint8Array>> {
  return (await import("./local-directory.js")).packRoot(path, owners);
}

export async function packContext(path: string, dockerfile: string): Promise<AsyncIterable<Uint8Array>> {
  return (await import("./local-directory.js")).packContext(path, dockerfile);
}

export async function unpackDirectory(archive: AsyncIterable<Uint8Array>, path: string): Promise<void> {
  return (await import("./local-directory.js")).unpackDirectory(archive, path);
}

function refuseTls({ ca, fingerprint }: AlcoveOptions): void {
  if (ca === undefined && fingerprint === undefined) return;
  throw new TypeError("ca and fingerprint are for servers with a url; a UNIX socket has no certificate.");
}
