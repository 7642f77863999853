/** A real OpenID provider on loopback: clients get signed tokens by their id and secret, with the claims that they were given here. */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import Provider, { type UnknownObject } from "oidc-provider";

export interface TestProvider extends AsyncDisposable {
  readonly issuer: string;
  /** A token for the client, good for a minute. */
  token(client: string, audience?: string): Promise<string>;
}

export const audience = "urn:alcove:test";

export async function startProvider(claims: Readonly<Record<string, UnknownObject>>): Promise<TestProvider> {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const provider = new Provider(issuer, {
    clients: Object.keys(claims).map((id) => ({
      ...{ client_id: id, client_secret: `secret-of-${id}`, redirect_uris: [], response_types: [] },
      grant_types: ["client_credentials"],
    })),
    extraTokenClaims: (_context, token) => claims[token.clientId ?? ""],
    features: {
      clientCredentials: { enabled: true },
      devInteractions: { enabled: false },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: (_context, resource) => ({
          ...{ scope: "api", audience: resource, accessTokenTTL: 60, accessTokenFormat: "jwt" },
        }),
      },
    },
  });
  const answer = provider.callback();
  server.on("request", (request, response) => void answer(request, response));
  return {
    issuer,
    async token(client, resource = audience) {
      const body = new URLSearchParams({ grant_type: "client_credentials", scope: "api", resource });
      const authorization = `Basic ${Buffer.from(`${client}:secret-of-${client}`).toString("base64")}`;
      const response = await fetch(`${issuer}/token`, { method: "POST", headers: { authorization }, body });
      const { access_token: token, ...rest } = (await response.json()) as { access_token?: string };
      if (token === undefined) throw new Error(`The provider answers ${JSON.stringify(rest)}`);
      return token;
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
    },
  };
}
