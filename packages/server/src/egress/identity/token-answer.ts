/** What Azure's clients are answered: its shapes, in each of the two ways. */

import type { Way } from "./token-question.js";
import type { IdentityToken, TokenFault } from "./token-source.js";

export interface TokenAnswer {
  readonly status: number;
  readonly body: object;
  readonly headers?: Readonly<Record<string, string>>;
}

export function answerToken(way: Way, resource: string, token: IdentityToken): TokenAnswer {
  const { value: access_token, issuedAt, expiresAt, clientId: client_id } = token;
  const common = { access_token, client_id, expires_on: `${expiresAt}`, resource, token_type: "Bearer" };
  if (way === "appService") return { status: 200, body: common };
  const expires_in = `${Math.max(0, expiresAt - Math.floor(Date.now() / 1_000))}`;
  return { status: 200, body: { ...common, expires_in, ext_expires_in: expires_in, not_before: `${issuedAt}` } };
}

const failures: Readonly<Record<TokenFault, { readonly status: number; readonly error: string }>> = {
  resource: { status: 400, error: "invalid_resource" },
  busy: { status: 429, error: "too_many_requests" },
  off: { status: 500, error: "server_error" },
  unavailable: { status: 500, error: "server_error" },
};
const retryAfterSeconds = 5;

export function answerFailure(way: Way, fault: TokenFault, sentence: string): TokenAnswer {
  const { status, error } = failures[fault];
  const answer = answerRefusal(way, { status, error, sentence });
  return fault === "busy" ? { ...answer, headers: { "retry-after": `${retryAfterSeconds}` } } : answer;
}

export function answerRefusal(
  way: Way,
  { status, error, sentence }: { readonly status: number; readonly error: string; readonly sentence: string },
): TokenAnswer {
  if (way === "appService") return { status, body: { statusCode: status, message: sentence } };
  return { status, body: { error, error_description: sentence } };
}
