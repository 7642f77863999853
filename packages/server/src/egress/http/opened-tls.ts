/** TLS that a program began, ended here with a certificate of its group's own authority. */

import { constants } from "node:crypto";
import { createSecureContext, type SecureContext, TLSSocket } from "node:tls";
import { normalizeHost } from "@alcove/contract";
import { withDeadline } from "../../lib/deadline.js";
import type { HttpFlow, TlsCertificate } from "./flow.js";

const handshakeTimeoutMs = 30_000;

/** @throws where the program gave up, took too long, or asked for another name than the connection leads to */
export async function openTls(flow: HttpFlow): Promise<TLSSocket> {
  const secureContext = contextOf(await flow.certificate(flow.host));
  let fault: Error | undefined;
  const socket = new TLSSocket(flow.program, {
    isServer: true,
    secureContext,
    ALPNCallback: ({ protocols }) => {
      const chosen = ["h2", "http/1.1"].find((protocol) => protocols.includes(protocol));
      if (chosen === undefined) fault = new Error(`it offers no HTTP that is known here, but ${protocols.join(", ")}`);
      return chosen;
    },
    SNICallback: (name, callback) => {
      if (normalizeHost(name)?.host === flow.host) return callback(null);
      fault = new NameMismatch(name);
      callback(fault);
    },
  });
  using deadline = withDeadline(flow.signal, handshakeTimeoutMs);
  try {
    await handshake(socket, deadline.signal);
  } catch (error) {
    socket.destroy();
    throw fault ?? error;
  }
  // A tls.Server says that of the sockets that it makes, and Node's HTTP/2 waits for it.
  return Object.assign(socket, { secureConnecting: false });
}

export class NameMismatch extends Error {
  constructor(name: string) {
    super(`TLS was begun for ${name}`);
  }
}

/** Making one takes longer than a handshake. */
const contexts = new WeakMap<TlsCertificate, SecureContext>();

function contextOf(certificate: TlsCertificate): SecureContext {
  const known = contexts.get(certificate);
  if (known !== undefined) return known;
  const context = createSecureContext({
    cert: certificate.certificate,
    key: certificate.key,
    minVersion: "TLSv1.2",
    secureOptions: constants.SSL_OP_NO_RENEGOTIATION | constants.SSL_OP_CIPHER_SERVER_PREFERENCE,
  });
  contexts.set(certificate, context);
  return context;
}

function handshake(socket: TLSSocket, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const onSecure = () => settle(undefined);
    const onError = (error: Error) => settle(error);
    const onClose = () => settle(new Error("the connection ended"));
    const onAbort = () => settle(signal.reason);
    const settle = (error: Error | undefined) => {
      signal.removeEventListener("abort", onAbort);
      socket.off("secure", onSecure).off("error", onError).off("close", onClose);
      // Later ones are of the connection, whose end is looked at.
      socket.on("error", () => {});
      if (error === undefined) resolve();
      else reject(error);
    };
    signal.addEventListener("abort", onAbort);
    socket.on("secure", onSecure).on("error", onError).on("close", onClose);
    if (signal.aborted) onAbort();
  });
}
