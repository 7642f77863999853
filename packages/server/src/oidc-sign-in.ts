/** Signing people in with an OpenID Connect provider: authorization code flow with PKCE, as openid-client does it. */
import { createHash } from "node:crypto";
import * as oidc from "openid-client";
import type { PreviewSignInConfig } from "./config-sign-in.js";
import { type FlowSecrets, type IdentityProvider, NotSignedIn } from "./ingress/daemon/identity-provider.js";
import { keptAnswer } from "./lib/kept-answer.js";
import { verifiedEmail } from "./oidc-claims.js";
import type { Person } from "./policy/ports/people.js";

export interface SignInClient extends Pick<PreviewSignInConfig, "clientId" | "sessionSeconds"> {
  readonly issuer: string;
  readonly clientSecret: string;
}

const timeoutSeconds = 5;
const discoveryKeptMs = 3_600_000;
const cooldownMs = 10_000;
const longestAnswer = 1_048_576;

export function createOidcSignIn(client: SignInClient, now: () => number = Date.now): IdentityProvider {
  const { issuer, clientId, sessionSeconds } = client;
  const configuration = keptAnswer(() => discover(client), { keptMs: discoveryKeptMs, failureKeptMs: cooldownMs, now });
  return {
    realm: createHash("sha256").update(`${issuer} ${clientId}`).digest("base64url"),
    sessionSeconds,
    async begin({ state, nonce, verifier }, { callback, isAsked }) {
      return oidc.buildAuthorizationUrl(await configuration(), {
        ...{ redirect_uri: callback, scope: "openid email", state, nonce },
        code_challenge: await oidc.calculatePKCECodeChallenge(verifier),
        code_challenge_method: "S256",
        ...(isAsked && { prompt: "login" }),
      });
    },
    async finish(secrets, answer) {
      try {
        return await personOf(await configuration(), secrets, answer);
      } catch (error) {
        throw error instanceof NotSignedIn ? error : new NotSignedIn(failureOf(error), error);
      }
    },
  };
}

async function discover({ issuer, clientId, clientSecret }: SignInClient): Promise<oidc.Configuration> {
  const isInClear = new URL(issuer).protocol === "http:";
  // The signature is looked at too, though TLS says already whose answer it is.
  const execute = [oidc.enableNonRepudiationChecks, ...(isInClear ? [oidc.allowInsecureRequests] : [])];
  const options = { execute, timeout: timeoutSeconds, [oidc.customFetch]: boundedFetch };
  return await oidc.discovery(new URL(issuer), clientId, undefined, secretAs(clientSecret), options);
}

/** In the way that the provider takes. */
function secretAs(secret: string): oidc.ClientAuth {
  const [basic, post] = [oidc.ClientSecretBasic(secret), oidc.ClientSecretPost(secret)];
  return (server, ...rest) => {
    const methods = server.token_endpoint_auth_methods_supported ?? ["client_secret_basic"];
    return (methods.includes("client_secret_basic") ? basic : post)(server, ...rest);
  };
}

async function personOf(
  configuration: oidc.Configuration,
  { state, nonce, verifier }: FlowSecrets,
  { callback, query }: { readonly callback: string; readonly query: string },
): Promise<Person> {
  if (!bringsCode(query, configuration.serverMetadata())) throw new NotSignedIn("refused", undefined);
  const tokens = await oidc.authorizationCodeGrant(configuration, new URL(`${callback}?${query}`), {
    ...{ expectedState: state, expectedNonce: nonce, pkceCodeVerifier: verifier, idTokenExpected: true },
  });
  const claims = tokens.claims();
  const subject = claims?.sub ?? "";
  if (!/^[\x21-\x7e]{1,255}$/.test(subject)) throw new Error("the provider's name for somebody is not printable ASCII");
  const hasMore = claims?.email === undefined && configuration.serverMetadata().userinfo_endpoint !== undefined;
  const said = hasMore ? await oidc.fetchUserInfo(configuration, tokens.access_token, subject) : claims;
  return { subject, email: verifiedEmail(said ?? {}) };
}

/** Browsers bring what visitors like. Without one code of this issuer's it is no word of the provider's, an error least of all: none goes to the log. */
function bringsCode(query: string, metadata: Readonly<oidc.ServerMetadata>): boolean {
  const said = new URLSearchParams(query);
  const [codes, issuers] = [said.getAll("code"), said.getAll("iss")];
  const isFrom = metadata.authorization_response_iss_parameter_supported ? issuers.length === 1 : issuers.length <= 1;
  const isOther = ["error", "response", "id_token", "token"].some((name) => said.has(name));
  const isOne = codes.length === 1 && codes[0] !== "" && said.getAll("state").length === 1;
  return isOne && isFrom && issuers.every((one) => one === metadata.issuer) && !isOther;
}

function failureOf(error: unknown): NotSignedIn["failure"] {
  // Codes are old, used, or of another sign-in.
  if (error instanceof oidc.ResponseBodyError) return error.error === "invalid_grant" ? "refused" : "failed";
  const isSilent = error instanceof oidc.ClientError && (error.code === undefined || error.code === "OAUTH_TIMEOUT");
  return isSilent || error instanceof TypeError ? "unavailable" : "failed";
}

/** What it answers is read to a bound, and where it is broken it says nothing. */
async function boundedFetch(url: string, options: oidc.CustomFetchOptions): Promise<Response> {
  const response = await fetch(url, options as RequestInit);
  if (response.status >= 500) throw new Error(`The provider answers ${response.status}`);
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    size += chunk.byteLength;
    if (size > longestAnswer) throw new Error("The provider's answer is too large");
    chunks.push(chunk);
  }
  const hasNone = response.status === 204 || response.status === 304;
  const { status, statusText, headers } = response;
  return new Response(hasNone ? null : Buffer.concat(chunks), { status, statusText, headers });
}
