/** How a program says which server is meant, and what comes of it: decided here, for Node and for browsers alike. */
import { parseUrl } from "@alcove/contract";
import type { RequestSeen } from "./transport-observed.js";

export interface AlcoveOptions {
  /**
   * Where a server listens: `https://alcove.example.com`, with a path before the API's own where a proxy asks for one.
   * Default: $ALCOVE_URL where no socket is named, else this machine's daemon over its UNIX socket; in a browser the
   * page's own origin.
   */
  readonly url?: string | undefined;
  /** A daemon's UNIX socket; it is not started. Only in Node. Default: $ALCOVE_SOCKET, else the runtime directory's. */
  readonly socketPath?: string | undefined;
  /** Sent with every request, and nowhere else to be seen. Default, where a URL is used: $ALCOVE_API_KEY. */
  readonly apiKey?: string | undefined;
  /** The group of `alcove.sandboxes` and `alcove.images`. Default: $ALCOVE_GROUP, else default. */
  readonly group?: string | undefined;
  /** Start the daemon of this machine when none listens; default true. Only in Node. */
  readonly autoStart?: boolean | undefined;
  /** PEM: authorities to trust in place of the system's, or a self-made certificate itself. Only in Node. */
  readonly ca?: string | undefined;
  /**
   * SHA-256 of the server's certificate, as 64 hexadecimal digits with or without colons: only that certificate is
   * trusted, whoever signed it and whatever name it bears. Default: $ALCOVE_FINGERPRINT. Only in Node.
   */
  readonly fingerprint?: string | undefined;
  /** Send the key over plain HTTP to another machine, for everybody on the way to read. Default false. */
  readonly allowPlainHttp?: boolean | undefined;
  /** How long a connection may take to be made; default 10,000. Only in Node. */
  readonly connectTimeoutMs?: number | undefined;
  /**
   * How long an answer may take to begin after the request was sent: creates and execs answer when they are done. Default
   * without limit; every call takes an `AbortSignal` of its own as well.
   */
  readonly answerTimeoutMs?: number | undefined;
  /** Told of every request when its answer begins or it has failed, each attempt by itself; without headers and bodies. */
  readonly onRequest?: ((seen: RequestSeen) => void) | undefined;
}

/** A server that is reached by URL. */
export interface ServerSettings {
  /** Scheme, host, port; without a slash at the end. */
  readonly origin: string;
  /** What stands before the API's paths: empty, or `/prefix`. */
  readonly basePath: string;
  readonly apiKey: string | undefined;
}

/** The URL's parts and the key, checked. No message shows a key, or a URL that could hold a password. */
export function serverSettings(
  url: string,
  { apiKey, allowPlainHttp }: Pick<AlcoveOptions, "apiKey" | "allowPlainHttp">,
): ServerSettings {
  const parsed = parsedUrl(url);
  if (apiKey !== undefined && !/^[\x21-\x7e]{1,4096}$/.test(apiKey)) {
    throw new TypeError("apiKey must be 1 to 4096 visible ASCII characters without spaces, as the server gave it.");
  }
  const isExposed = parsed.protocol === "http:" && !isLoopback(parsed.hostname);
  if (apiKey !== undefined && isExposed && allowPlainHttp !== true) {
    throw new TypeError(
      `The API key would be sent to ${parsed.origin} for everybody on the way to read: use https, or say allowPlainHttp.`,
    );
  }
  return { origin: parsed.origin, basePath: parsed.pathname.replace(/\/+$/, ""), apiKey };
}

function parsedUrl(url: string): URL {
  const parsed = parseUrl(url);
  if (parsed === undefined || !/^https?:$/.test(parsed.protocol)) {
    throw new TypeError("url must be the server's http or https URL, such as https://alcove.example.com.");
  }
  if (parsed.username !== "" || parsed.password !== "") {
    throw new TypeError("url must hold no user or password: a key is given as apiKey.");
  }
  if (parsed.search !== "" || parsed.hash !== "") throw new TypeError("url must have no query and no fragment.");
  return parsed;
}

function isLoopback(hostname: string): boolean {
  return /^(?:(?:.+\.)?localhost|127(?:\.\d{1,3}){3}|\[::1\])$/.test(hostname);
}
