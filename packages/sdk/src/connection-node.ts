/** Connections of Node's transport: made within a time, and over TLS only with a certificate that is trusted. */
import { connect, isIP, type Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import { connectionError, type DaemonAddress, placeOf } from "./daemon-address.js";
import { CertificateError, ConnectionError } from "./errors.js";

/** Which certificates are taken: those of some authorities, default the system's, or one alone. */
export type Trust = { readonly ca?: string | undefined } | { readonly fingerprint: string };

export interface ConnectionOptions {
  readonly address: DaemonAddress;
  readonly trust: Trust;
  readonly connectTimeoutMs: number;
}

/** A peer that is gone without a word is noticed by probes, which begin after so much silence. */
const probeAfterMs = 30_000;

/** Fulfils with a connection on which nothing was sent yet; over TLS the certificate has been looked at. */
export async function openConnection(options: ConnectionOptions): Promise<Socket> {
  const { address, connectTimeoutMs } = options;
  const isSecure = "origin" in address && address.origin.startsWith("https:");
  const socket = isSecure ? await startTls(address.origin, options.trust) : connect(target(address));
  socket.setKeepAlive(true, probeAfterMs);
  const limit = new ConnectionError(`${placeOf(address)} took no connection within ${connectTimeoutMs} ms.`, {
    isUnsent: true,
  });
  const timer = setTimeout(() => socket.destroy(limit), connectTimeoutMs);
  try {
    await ready(socket, isSecure ? "secureConnect" : "connect");
    if (isSecure && "fingerprint" in options.trust) checkFingerprint(socket as TLSSocket, options.trust.fingerprint);
    return socket;
  } catch (error) {
    socket.destroy();
    throw unsent(address, error as Error);
  } finally {
    clearTimeout(timer);
  }
}

/** 64 lower-case hexadecimal digits, from the ways in which fingerprints are written. */
export function certificateFingerprint(text: string): string {
  const digits = text
    .replace(/^sha-?256[:=]/i, "")
    .replaceAll(":", "")
    .toLowerCase();
  if (/^[0-9a-f]{64}$/.test(digits)) return digits;
  throw new TypeError(`fingerprint must be a SHA-256 of 64 hexadecimal digits; this has ${digits.length} characters.`);
}

function target(address: DaemonAddress): { path: string } | { host: string; port: number } {
  if ("socketPath" in address) return { path: address.socketPath };
  return hostAndPort(address.origin);
}

function hostAndPort(origin: string): { host: string; port: number } {
  const { hostname, port, protocol } = new URL(origin);
  const host = hostname.replace(/^\[|\]$/g, "");
  return { host, port: Number(port) || (protocol === "https:" ? 443 : 80) };
}

async function startTls(origin: string, trust: Trust): Promise<TLSSocket> {
  const tls = await import("node:tls");
  const { host, port } = hostAndPort(origin);
  return tls.connect({
    ...{ host, port, ALPNProtocols: ["http/1.1"], minVersion: "TLSv1.2" },
    ...(isIP(host) === 0 ? { servername: host } : {}),
    // With a fingerprint the certificate itself is compared, before anything is sent.
    ...("fingerprint" in trust ? { rejectUnauthorized: false } : trust.ca === undefined ? {} : { ca: trust.ca }),
  });
}

function ready(socket: Socket, event: "connect" | "secureConnect"): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once("error", reject);
    socket.once("close", () => reject(new Error("It was closed while it was made.")));
    socket.once(event, () => {
      socket.off("error", reject);
      resolve();
    });
  });
}

function checkFingerprint(socket: TLSSocket, wanted: string): void {
  const seen = socket.getPeerCertificate().fingerprint256?.replaceAll(":", "").toLowerCase();
  if (seen === wanted) return;
  const message = `its SHA-256 is ${seen ?? "none"}, wanted was ${wanted}`;
  throw Object.assign(new Error(message), { code: "ERR_TLS_FINGERPRINT" });
}

/** Whatever goes wrong here, nothing of the request was sent. */
function unsent(address: DaemonAddress, error: Error): ConnectionError {
  const { code = "" } = error as Error & { readonly code?: string };
  if (/CERT|SIGNATURE|ERR_TLS/.test(code)) {
    return new CertificateError(`The certificate of ${placeOf(address)} is not trusted: ${error.message}.`, error);
  }
  if (error instanceof ConnectionError) return error;
  const told = connectionError(address, error);
  return told.isUnsent ? told : new ConnectionError(told.message, { isUnsent: true, cause: error });
}
