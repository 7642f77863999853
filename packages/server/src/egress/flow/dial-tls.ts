/** TLS to a server, verified strictly: its certificate has to be for the host, and from an authority that this system or the group trusts. */
import { constants } from "node:crypto";
import { readFileSync } from "node:fs";
import type { Socket } from "node:net";
import { connect, createSecureContext, rootCertificates, type SecureContext, type TLSSocket } from "node:tls";
import { parseAddress } from "@alcove/contract";
import { withDeadline } from "../../lib/deadline.js";
import { DialFailure } from "../http/dial-failure.js";

const handshakeTimeoutMs = 10_000;

/** Takes the socket over. @throws DialFailure */
export async function secure(
  socket: Socket,
  options: { readonly host: string; readonly protocols: readonly string[]; readonly trust: SecureContext },
  signal: AbortSignal,
): Promise<TLSSocket> {
  const { host, protocols, trust } = options;
  using deadline = withDeadline(signal, handshakeTimeoutMs);
  const secured = connect({
    ...{ socket, host, secureContext: trust, rejectUnauthorized: true, ALPNProtocols: [...protocols] },
    ...(parseAddress(host) === undefined && { servername: host }),
  });
  const giveUp = () => secured.destroy(deadline.signal.reason);
  deadline.signal.addEventListener("abort", giveUp, { once: true });
  if (deadline.signal.aborted) giveUp();
  try {
    await new Promise((resolve, reject) => {
      secured.once("secureConnect", resolve).once("error", reject);
      secured.once("close", () => reject(new Error("it hung up")));
    });
    secured.on("error", () => {});
    return secured;
  } catch (cause) {
    secured.on("error", () => {}).destroy();
    signal.throwIfAborted();
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new DialFailure("bad-certificate", `TLS with ${host} failed: ${why}`, { cause });
  } finally {
    deadline.signal.removeEventListener("abort", giveUp);
  }
}

/** Where distributions have the authorities that they trust, as Go's crypto/x509 looks for them. */
const bundles = [
  "/etc/ssl/certs/ca-certificates.crt",
  "/etc/pki/tls/certs/ca-bundle.crt",
  "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
  "/etc/ssl/ca-bundle.pem",
  "/etc/ssl/cert.pem",
];

let systemAuthorities: string | undefined;
const contexts = new Map<string, SecureContext>();
const maximumContexts = 64;

/** The system's authorities, Node's own where the system has none, and those that are given as PEM. Made once for the same ones: it takes milliseconds. */
export function trustOf(certificates: string): SecureContext {
  const known = contexts.get(certificates);
  if (known !== undefined) return known;
  systemAuthorities ??= readAuthorities();
  const made = createSecureContext({
    ca: [systemAuthorities, certificates].filter((pem) => pem !== ""),
    // The certificate of a handshake that the server asks for later would not be looked at.
    secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
  });
  const [oldest] = contexts.keys();
  if (contexts.size >= maximumContexts && oldest !== undefined) contexts.delete(oldest);
  contexts.set(certificates, made);
  return made;
}

function readAuthorities(): string {
  for (const path of bundles) {
    try {
      return readFileSync(path, "utf8");
    } catch {
      // Another distribution's.
    }
  }
  return rootCertificates.join("\n");
}
