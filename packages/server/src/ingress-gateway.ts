/** The ingress gateway of this daemon, and its process. */
import { extname, join } from "node:path";
import type { Logger } from "pino";
import type { Config } from "./config.js";
import { type PreviewConfig, usualPreviewListen } from "./config-previews.js";
import { issuerOf, type PreviewSignInConfig, type SignInConfig } from "./config-sign-in.js";
import type { TcpPortConfig } from "./config-tcp-ports.js";
import { startWorker } from "./host/worker.js";
import { createIngress, type IngressOptions } from "./ingress/daemon/create-ingress.js";
import type { IdentityProvider } from "./ingress/daemon/identity-provider.js";
import type { IngressGateway, PreviewAddress, TcpRange } from "./ingress/ingress.js";
import { createOidcSignIn } from "./oidc-sign-in.js";
import { ownDirectory } from "./runtime-directory.js";
import { readSecretFile } from "./secret-file.js";
import { tlsIdentity } from "./tls-identity.js";

/** Of what is on its heap; buffers of connections are bounded by themselves. */
const memoryMiB = 256;
const threads = 1;

/** Undefined where previews are turned off, and no port has a listener of its own. */
export async function openIngress(config: IngressSettings, logger: Logger): Promise<IngressGateway | undefined> {
  const listen = await previews(config);
  const tcp = tcpRange(config);
  if (listen === undefined && tcp === undefined) return undefined;
  const module = new URL(`./ingress/worker-main${extname(import.meta.url)}`, import.meta.url);
  return createIngress({
    startWorker: () => startWorker({ module, memoryMiB, threads }),
    ...{ listen, tcp, logger },
    ...(listen && config.previewSignIn && { signIn: signIn(config, config.previewSignIn) }),
  });
}

type IngressSettings = PreviewSettings & TcpPortConfig;

async function previews(config: PreviewSettings): Promise<IngressOptions["listen"]> {
  const { previewListen: listen, previewUrl, trustedProxies } = config;
  if (listen === "off") return undefined;
  const address = previewUrl === undefined ? undefined : published(previewUrl);
  const domain = address?.domain ?? config.previewDomain;
  const tls = await identity(config, domain);
  return {
    ...(listen ?? usualPreviewListen),
    ...{ mayMove: listen === undefined, domain, trustedProxies, tls },
    published: address,
  };
}

function tcpRange({ tcpPortsListen: listen, tcpPortsHost }: TcpPortConfig): TcpRange | undefined {
  if (listen === undefined) return undefined;
  const { host: listenHost, first, last } = listen;
  return { listenHost, host: tcpPortsHost ?? listenHost, first, last };
}

type PreviewSettings = PreviewConfig & SignInConfig & Pick<Config, "dataDirectory" | "previewDomain" | "previewUrl">;

function signIn(
  config: SignInConfig,
  { clientId, clientSecretFile, sessionSeconds }: PreviewSignInConfig,
): IdentityProvider {
  const clientSecret = readSecretFile({ key: "clientSecretFile", path: clientSecretFile, shortest: 1 });
  return createOidcSignIn({ issuer: issuerOf(config) ?? "", clientId, clientSecret, sessionSeconds });
}

async function identity(config: PreviewSettings, domain: string) {
  const { previewTls, previewTlsCertificate, previewTlsKey, dataDirectory } = config;
  if (previewTls === "off") return undefined;
  const given =
    previewTlsCertificate === undefined || previewTlsKey === undefined
      ? undefined
      : { certificatePath: previewTlsCertificate, keyPath: previewTlsKey };
  const folder = join(dataDirectory, "previews");
  ownDirectory(folder);
  const settings = { certificate: "previewTlsCertificate", key: "previewTlsKey" };
  const names = [domain, `*.${domain}`];
  const { certificate, key } = await tlsIdentity({ dataDirectory: folder, given, names, hasAllNames: true, settings });
  return { certificate, key };
}

function published(text: string): PreviewAddress {
  const { protocol, hostname, port } = new URL(text);
  const scheme = protocol === "https:" ? "https" : "http";
  return { scheme, domain: hostname, port: port === "" ? { http: 80, https: 443 }[scheme] : Number(port) };
}
