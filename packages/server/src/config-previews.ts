/** What the configuration says about previews: where they are served, and under which names. */
import { isAbsolute } from "node:path";
import { readRange } from "@alcove/contract";
import { z } from "zod";
import { isLoopback, Listen } from "./config-network.js";
import { PreviewSignIn } from "./config-sign-in.js";

const PemPath = z.string().refine(isAbsolute, "must be an absolute path").meta({ pattern: "^/" });

const Range = z
  .string()
  .max(64)
  .refine((text) => !("message" in readRange(text)), "must be ranges of addresses such as 10.0.0.0/8");

/** Where `previewListen` is left out. */
export const usualPreviewListen = { host: "127.0.0.1", port: 7_480 };

export const previewKeys = {
  previewListen: z
    .union([z.literal("off"), Listen])
    .optional()
    .describe(
      "TCP address on which previews of ports are served, HOST:PORT, or `off`. Default: 127.0.0.1:7480, or another port where that one is taken. See ports.md",
    ),
  previewDomain: z
    .string()
    .regex(/^[a-z0-9](?:[a-z0-9.-]{0,190}[a-z0-9])?$/, "must be a name in lower case, such as previews.example.com")
    .describe(
      "Previews are at `PORT-SANDBOX.` this; all names below it have to lead here. Browsers know those below localhost by themselves",
    ),
  previewUrl: z
    .string()
    .regex(/^https?:\/\/[a-z0-9.-]+(?::\d{1,5})?$/, "must be such as https://previews.example.com")
    .optional()
    .describe(
      "As clients see the domain of previews, where a proxy stands in front: scheme, domain and port of their addresses; its domain is in `previewDomain`'s place. The proxy passes the Host header on, and is named in `trustedProxies`",
    ),
  previewTls: z
    .enum(["on", "off"])
    .describe(
      "`on`: with `previewTlsCertificate`, else with a certificate that the daemon makes for itself. `off`: in the clear, on loopback or behind a proxy only",
    ),
  previewTlsCertificate: PemPath.optional().describe(
    "PEM file with the certificate for the domain of previews and all names below it",
  ),
  previewTlsKey: PemPath.optional().describe("PEM file with that certificate's key"),
  previewSignIn: PreviewSignIn.optional().describe(
    "The OpenID Connect client by which people sign in to previews: `clientId`, `clientSecretFile`, `issuer` where it is not that of `oidc`, `sessionSeconds`; JSON in the variable. See ports.md",
  ),
  trustedProxies: z
    .array(Range)
    .max(64)
    .describe(
      "Ranges of addresses of proxies in front of previews, which say in `x-forwarded-for`, `-host` and `-proto` who comes; comma-separated in the variable",
    ),
};

export interface PreviewConfig {
  readonly previewListen?: "off" | { readonly host: string; readonly port: number } | undefined;
  readonly previewUrl?: string | undefined;
  readonly previewTls: "on" | "off";
  readonly previewTlsCertificate?: string | undefined;
  readonly previewTlsKey?: string | undefined;
  readonly trustedProxies: readonly string[];
}

/** What is wrong between keys, with the key to correct. */
export function previewFault(config: PreviewConfig): { readonly key: string; readonly message: string } | undefined {
  const {
    previewListen: listen,
    previewUrl,
    previewTls,
    previewTlsCertificate,
    previewTlsKey,
    trustedProxies,
  } = config;
  if ((previewTlsCertificate === undefined) !== (previewTlsKey === undefined)) {
    const key = previewTlsKey === undefined ? "previewTlsKey" : "previewTlsCertificate";
    return { key, message: "must be given where the other half of previewTlsCertificate and previewTlsKey is" };
  }
  if (previewUrl?.startsWith("https:") && previewTls === "off" && trustedProxies.length === 0) {
    const message = "must name the proxy that ends the TLS of previewUrl: else cookies and redirects would be of http";
    return { key: "trustedProxies", message };
  }
  const isOpen = listen !== undefined && listen !== "off" && !isLoopback(listen.host);
  if (isOpen && previewTls === "off" && trustedProxies.length === 0) {
    return {
      key: "previewTls",
      message:
        "must not be off where previewListen is not a loopback address and no proxy is trusted: keys would travel in the clear",
    };
  }
  return undefined;
}
