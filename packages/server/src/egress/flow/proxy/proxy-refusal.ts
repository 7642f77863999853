/** Why a proxy made no connection: half a sentence, in which nothing is of the proxy's own wording. */
export class ProxyRefusal extends Error {
  override readonly name = "ProxyRefusal";
}

export interface ProxyTarget {
  /** A name in normal form, or an address without brackets. */
  readonly host: string;
  readonly port: number;
}

export interface ProxyCredentials {
  readonly username: string;
  readonly password: string;
}
