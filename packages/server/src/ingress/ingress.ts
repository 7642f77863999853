/** The ingress gateway as control and main see it: who may come to which port of which sandbox, and where. */
import type { Socket } from "node:net";
import type { AddPort } from "@alcove/contract";

export interface IngressGateway {
  /** Where previews are; undefined where this server serves none. Begins to listen when it is asked first. */
  address(): Promise<PreviewAddress | undefined>;
  /** The same, where it is known already. */
  readonly known: PreviewAddress | undefined;
  /** Whether people can sign in to previews. */
  readonly signsIn: boolean;
  /** Where ports that speak TCP get listeners; undefined where this server has none. */
  readonly tcp: TcpRange | undefined;
  /** Of the route in force, the ports of the host that another program has: known once all were tried. They are tried again, and again. */
  deafTo(sandboxId: string): Promise<number[]>;
  /** Replaces what is in force; connections that are open to a port that is not there any more are closed. */
  apply(sandboxId: string, route: PreviewRoute): void;
  remove(sandboxId: string): void;
  /** To be called once, before anything is applied. */
  serve(hooks: IngressHooks): void;
  close(): Promise<void>;
}

/** `http://PORT-ID.localhost:7480` */
export interface PreviewAddress {
  readonly scheme: "http" | "https";
  readonly domain: string;
  /** Of the URL. */
  readonly port: number;
}

export interface TcpRange {
  /** An address of this host. */
  readonly listenHost: string;
  /** As clients know it. */
  readonly host: string;
  readonly first: number;
  readonly last: number;
}

/** A port of a sandbox and the port of the host that stands for it. */
export interface TcpListening {
  readonly port: number;
  readonly hostPort: number;
}

export interface PreviewRoute {
  readonly ports: readonly PreviewPort[];
  /** base64url: of the sandbox alone. */
  readonly linkKey: string;
  /** For those of the ports that speak TCP. */
  readonly tcp?: readonly TcpListening[];
}

export type PreviewPort = AddPort;

/** What the gateway asks of the daemon. */
export interface IngressHooks {
  /** A line for connections to ports of the sandbox; wakes it where it is activated so. Errors: AlcoveErrors, for who comes. */
  reach(sandboxId: string, port: number): Promise<Socket>;
  /** Whether who holds the key may come to ports of the sandbox. */
  mayCome(sandboxId: string, key: string): Promise<boolean>;
  /** Somebody is there, until the answer is called. */
  begin(sandboxId: string): () => void;
}

export function previewUrl({ scheme, domain, port }: PreviewAddress, sandboxId: string, guestPort: number): string {
  return `${scheme}://${guestPort}-${sandboxId}.${domain}${portOf(scheme, port)}/`;
}

export function pathPreviewUrl({ scheme, domain, port }: PreviewAddress, sandboxId: string, guestPort: number): string {
  return `${scheme}://${domain}${portOf(scheme, port)}/preview/${sandboxId}/${guestPort}/`;
}

export function tcpUrl(host: string, port: number): string {
  return `tcp://${host.includes(":") ? `[${host}]` : host}:${port}`;
}

/** Of a URL, where it has to be said. */
export function portOf(scheme: "http" | "https", port: number): string {
  return port === (scheme === "https" ? 443 : 80) ? "" : `:${port}`;
}
