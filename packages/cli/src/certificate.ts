/** What a server's certificate is, as this machine sees it, without a request: for `login` and `doctor`. */
import { isIP } from "node:net";
import { connect, type TLSSocket } from "node:tls";

export interface SeenCertificate {
  /** SHA-256, 64 lower-case hexadecimal digits. */
  readonly fingerprint: string;
  readonly validFrom: string;
  readonly validTo: string;
  /** Why it is not trusted; undefined where it is. */
  readonly distrust: string | undefined;
}

const deadlineMs = 10_000;

/** Whatever certificate is shown is taken, since nothing is sent; a connection that cannot be made throws. */
export async function seeCertificate(url: string, ca: string | undefined): Promise<SeenCertificate> {
  const { hostname, port } = new URL(url);
  const host = hostname.replace(/^\[|\]$/g, "");
  const socket = connect({
    ...{ host, port: Number(port) || 443, ALPNProtocols: ["http/1.1"], rejectUnauthorized: false },
    ...(isIP(host) === 0 ? { servername: host } : {}),
    ...(ca === undefined ? {} : { ca }),
  });
  try {
    await secured(socket, url);
    const certificate = socket.getPeerCertificate();
    return {
      fingerprint: sameFingerprint(certificate.fingerprint256),
      validFrom: certificate.valid_from,
      validTo: certificate.valid_to,
      distrust: socket.authorized ? undefined : String(socket.authorizationError),
    };
  } finally {
    socket.destroy();
  }
}

/** From the ways in which fingerprints are written. */
export function sameFingerprint(text: string): string {
  return text.replaceAll(":", "").toLowerCase();
}

function secured(socket: TLSSocket, url: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (reason: string) =>
      reject(
        Object.assign(new Error(`${url} cannot be reached: ${reason}.`), { hint: "See that the server runs there." }),
      );
    socket.setTimeout(deadlineMs, () => fail(`no answer within ${deadlineMs} ms`));
    socket.once("error", (error: NodeJS.ErrnoException) => fail(error.code ?? error.message));
    socket.once("secureConnect", resolve);
  });
}
