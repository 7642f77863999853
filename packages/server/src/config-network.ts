/** What the configuration says about TCP: its own file, since it has rules between keys. */
import { isAbsolute } from "node:path";
import { z } from "zod";

/** `127.0.0.1:7443`, `localhost:7443`, `[::1]:7443`, `0.0.0.0:7443`. */
export const Listen = z
  .string()
  .regex(
    /^(?:\[[0-9a-fA-F:.]+\]|[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?):\d{1,5}$/,
    "must be HOST:PORT, such as 127.0.0.1:7443 or [::1]:7443",
  )
  .transform((text) => {
    const at = text.lastIndexOf(":");
    return { host: text.slice(0, at).replace(/^\[|\]$/g, ""), port: Number(text.slice(at + 1)) };
  })
  .refine(({ port }) => port <= 65_535, "must have a port up to 65535");

const Origin = z
  .string()
  .regex(/^https?:\/\/[a-z0-9.-]+(?::\d{1,5})?$/, "must be origins such as https://app.example.com");

const HostName = z
  .string()
  .regex(/^[A-Za-z0-9:.-]{1,253}$/, "must be names or addresses without a port, such as alcove.example.com");

const PemPath = z.string().refine(isAbsolute, "must be an absolute path").meta({ pattern: "^/" });

export const networkKeys = {
  listen: Listen.optional().describe(
    "TCP address to listen on besides the UNIX socket, HOST:PORT. Every call there needs a key; see access.md",
  ),
  tls: z
    .enum(["auto", "on", "off"])
    .describe(
      "`on`: with `tlsCertificate`, else with one that the daemon makes for itself. `off`: in the clear, on loopback only. `auto`: on, but off on loopback when no certificate is given",
    ),
  tlsCertificate: PemPath.optional().describe("PEM file with the certificate and what it is signed by"),
  tlsKey: PemPath.optional().describe("PEM file with the certificate's key"),
  allowedHosts: z
    .array(HostName)
    .max(64)
    .describe(
      "Names that clients on TCP call this daemon by, beside its address and localhost; comma-separated in the variable",
    ),
  trustedOrigins: z
    .array(Origin)
    .max(64)
    .describe(
      "Origins of web pages that may call over TCP, with a key; comma-separated in the variable. Others are refused",
    ),
};

export interface NetworkConfig {
  readonly listen?: { readonly host: string; readonly port: number } | undefined;
  readonly tls: "auto" | "on" | "off";
  readonly tlsCertificate?: string | undefined;
  readonly tlsKey?: string | undefined;
}

/** What is wrong between keys, with the key to correct. */
export function networkFault(config: NetworkConfig): { readonly key: string; readonly message: string } | undefined {
  if ((config.tlsCertificate === undefined) !== (config.tlsKey === undefined)) {
    const missing = config.tlsKey === undefined ? "tlsKey" : "tlsCertificate";
    return { key: missing, message: "must be given where the other half of tlsCertificate and tlsKey is" };
  }
  if (config.listen !== undefined && config.tls === "off" && !isLoopback(config.listen.host)) {
    return {
      key: "tls",
      message: "must not be off where listen is not a loopback address: keys would travel in the clear",
    };
  }
  return undefined;
}

export function usesTls({ listen, tls, tlsCertificate }: NetworkConfig): boolean {
  if (listen === undefined || tls === "off") return false;
  return tls === "on" || tlsCertificate !== undefined || !isLoopback(listen.host);
}

export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127(?:\.\d{1,3}){3}$/.test(host);
}
