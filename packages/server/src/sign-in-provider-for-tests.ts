/** A real OpenID provider on loopback with which people sign in, as whoever the test says; and a browser as far as signing in needs one. */
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import Provider, { type UnknownObject } from "oidc-provider";
import { type Seen, visit } from "./ingress/ingress-test-kit.js";
import { withResolvers } from "./lib/with-resolvers.js";

export const client = { clientId: "previews", clientSecret: "secret-of-previews" };

export class SignInProvider implements AsyncDisposable {
  readonly #server = createServer();
  readonly #people: Readonly<Record<string, UnknownObject>>;
  readonly issuer: string;
  /** Undefined: they say no. */
  person: string | undefined;
  /** What was asked at each sign-in. */
  readonly prompts: unknown[] = [];
  isDown = false;
  /** Addresses are in its tokens, not beside them. To be set before it serves. */
  isInToken = false;
  /** How many wait at it for their tokens. */
  held = 0;
  #letGo: Promise<void> | undefined;

  static async start(people: Readonly<Record<string, UnknownObject>>): Promise<SignInProvider> {
    const server = createServer();
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return new SignInProvider(server, people);
  }

  private constructor(server: ReturnType<typeof createServer>, people: Readonly<Record<string, UnknownObject>>) {
    this.#server = server;
    this.#people = people;
    this.issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  /** From now on, to these addresses alone. */
  serve(...callbacks: string[]): void {
    const provider = new Provider(this.issuer, {
      clients: [{ client_id: client.clientId, client_secret: client.clientSecret, redirect_uris: callbacks }],
      claims: { openid: ["sub"], email: ["email", "email_verified"] },
      conformIdTokenClaims: !this.isInToken,
      cookies: { keys: ["only for tests"] },
      features: { devInteractions: { enabled: false } },
      findAccount: (_context, id) => ({ accountId: id, claims: async () => ({ sub: id, ...this.#people[id] }) }),
      interactions: { url: (_context, { uid }) => `/interaction/${uid}` },
    });
    const answer = provider.callback();
    this.#server.on("request", (request, response) => {
      if (this.isDown) response.writeHead(503).end();
      else if (request.url?.startsWith("/interaction/")) void this.#interact(provider, request, response);
      else if (request.url?.startsWith("/token")) void this.#wait().then(() => answer(request, response));
      else void answer(request, response);
    });
  }

  /** It gives no tokens until what is answered is disposed of. */
  hold(): Disposable {
    const { promise, resolve } = withResolvers<void>();
    this.#letGo = promise;
    const letGo = () => {
      this.#letGo = undefined;
      resolve();
    };
    return { [Symbol.dispose]: letGo };
  }

  async #wait(): Promise<void> {
    this.held += 1;
    await this.#letGo;
    this.held -= 1;
  }

  async #interact(provider: Provider, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { params } = await provider.interactionDetails(request, response);
    this.prompts.push(params.prompt);
    const accountId = this.person;
    if (accountId === undefined)
      return await provider.interactionFinished(request, response, { error: "access_denied" });
    const grant = new provider.Grant({ accountId, clientId: client.clientId });
    grant.addOIDCScope("openid email");
    const result = { login: { accountId }, consent: { grantId: await grant.save() } };
    await provider.interactionFinished(request, response, result);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}

export interface Shown extends Seen {
  readonly url: string;
}

const navigation = { accept: "text/html", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document" };

/** Cookies of each host alone, and redirects. */
export class TestBrowser {
  readonly #cookies = new Map<string, Map<string, string>>();

  cookiesOf(url: string): string {
    return [...(this.#cookies.get(new URL(url).host) ?? [])].map(([name, value]) => `${name}=${value}`).join("; ");
  }

  /** One step. */
  async see(url: string, headers: Record<string, string> = navigation): Promise<Shown> {
    const cookie = this.cookiesOf(url);
    const seen = await visit(url, { headers: { ...headers, ...(cookie !== "" && { cookie }) } });
    const jar = this.#cookies.get(new URL(url).host) ?? new Map<string, string>();
    this.#cookies.set(new URL(url).host, jar);
    for (const line of seen.headers["set-cookie"] ?? []) {
      const [, name = "", value = ""] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      if (/max-age=0|expires=Thu, 01 Jan 1970/i.test(line)) jar.delete(name);
      else jar.set(name, value);
    }
    return { ...seen, url };
  }

  /** Until a page is there, or one step before `stop`. */
  async open(url: string, stop: (next: string) => boolean = () => false): Promise<Shown> {
    let shown = await this.see(url);
    for (let steps = 0; steps < 12 && shown.headers.location !== undefined; steps++) {
      const next = new URL(shown.headers.location, shown.url).href;
      if (stop(next)) return { ...shown, url: next };
      shown = await this.see(next);
    }
    return shown;
  }
}
