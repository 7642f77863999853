/** Opens the daemon to TCP as the configuration says. */
import { AlcoveError } from "@alcove/contract";
import type { Config } from "./config.js";
import { usesTls } from "./config-network.js";
import type { TcpFacts } from "./control/system/host-facts.js";
import type { HttpServer } from "./http/server.js";
import { type TlsIdentity, tlsIdentity } from "./tls-identity.js";

/** The certificate is there before anything is listened on. */
export async function networkIdentity(config: Config): Promise<TlsIdentity | undefined> {
  const { listen, tlsCertificate, tlsKey, allowedHosts, dataDirectory } = config;
  if (listen === undefined || !usesTls(config)) return undefined;
  const given =
    tlsCertificate === undefined || tlsKey === undefined
      ? undefined
      : { certificatePath: tlsCertificate, keyPath: tlsKey };
  return tlsIdentity({
    dataDirectory,
    given,
    names: [...(isAnyAddress(listen.host) ? [] : [listen.host]), ...allowedHosts],
  });
}

/** Where the daemon listens now; undefined where nobody wants it to. */
export async function openNetwork(
  server: HttpServer,
  config: Config,
  identity: TlsIdentity | undefined,
): Promise<TcpFacts | undefined> {
  const { listen, allowedHosts, trustedOrigins } = config;
  if (listen === undefined) return undefined;
  const tls = identity && { certificate: identity.certificate, key: identity.key };
  const options = { ...listen, allowedHosts, trustedOrigins, ...(tls && { tls }) };
  const { port } = await server.listenOnTcp(options).catch((cause: unknown) => {
    const detail = `Cannot listen on ${listen.host}:${listen.port}: ${(cause as Error).message}.`;
    throw new AlcoveError("InternalError", detail, { hint: "Choose another address with listen.", cause });
  });
  const host = listen.host.includes(":") ? `[${listen.host}]` : listen.host;
  return {
    url: `${identity === undefined ? "http" : "https"}://${host}:${port}`,
    fingerprint: identity?.fingerprint,
    isSelfMade: identity?.isSelfMade ?? false,
  };
}

/** Under which others find the keys that groups' tokens are signed with; undefined where there is no such address. */
export function issuerUrl({ issuerUrl: given, listen }: Config, tcp: TcpFacts | undefined): string | undefined {
  if (given !== undefined) return given.replace(/\/$/, "");
  return listen === undefined || isAnyAddress(listen.host) ? undefined : tcp?.url;
}

function isAnyAddress(host: string): boolean {
  return host === "0.0.0.0" || host === "::";
}
