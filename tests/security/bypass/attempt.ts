/** One way to get bytes out of a sandbox past its policy, as data: what a program in it does, step by step, with a token that must not arrive. */

/** Where canaries listen, on every address that they have. */
export interface Ground {
  /** TLS, with HTTP in it; `other` is one that no policy speaks of. */
  readonly https: number;
  readonly otherHttps: number;
  readonly http: number;
  /** Takes whatever comes. */
  readonly raw: number;
  /** As raw, and speaks first. */
  readonly greeting: number;
  /** Addresses of this host that others reach it by; undefined where it has none. */
  readonly own4: string | undefined;
  readonly own6: string | undefined;
}

export type Step =
  | { readonly connect: { readonly host: string; readonly port: number; readonly family?: 6; readonly asks?: true } }
  | { readonly tls: { readonly name: string | null; readonly protocols: readonly string[]; readonly most?: "1.2" } }
  /** Base64. */
  | { readonly send: string }
  | { readonly pauseMs: number }
  | { readonly awaits: true }
  | { readonly ask: { readonly name: string; readonly server: string; readonly overTcp: boolean } }
  | { readonly fetch: { readonly url: string; readonly proxies: Readonly<Record<string, string>> } };

/**
 * public: one rule allows a path of one host. open: all is allowed but what is forbidden by address. closed: all is allowed but a path. seen: as
 * closed, and the path is denied in HTTP and HTTPS alone, so that what is neither goes through.
 */
export type PolicyTried = "public" | "open" | "closed" | "seen";

export interface Attempt {
  readonly name: string;
  /** Default: public. */
  readonly under?: PolicyTried;
  /**
   * What shows that the same steps do get the token out where nothing is in their way. allowed: under a policy that allows all. direct: on this host,
   * without a gateway, for what the gateway refuses under every policy.
   */
  readonly control?: "allowed" | "direct";
  /** What is allowed, and has to arrive: otherwise that nothing else does would say little. */
  readonly isAllowed?: true;
  /** Why it cannot be tried on this host. */
  readonly lacks?: string | undefined;
  readonly steps: (token: string) => readonly Step[];
}

export function send(bytes: string | Buffer): Step {
  return { send: (typeof bytes === "string" ? Buffer.from(bytes, "latin1") : bytes).toString("base64") };
}

export function tls(name: string | null, ...protocols: string[]): Step {
  return { tls: { name, protocols } };
}

/** A request's head, without a body. */
export function request(line: string, ...headers: string[]): string {
  return `${[`${line} HTTP/1.1`, ...headers].join("\r\n")}\r\n\r\n`;
}
