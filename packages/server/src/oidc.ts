/**
 * Tokens of one OIDC issuer: its discovery document, its keys, and what its claims mean here. A token is believed for what
 * its signature, issuer, audience and time say; which of them was wrong is told to the log alone.
 */
import { createRemoteJWKSet, errors, type JWTPayload, jwtVerify } from "jose";
import { z } from "zod";
import type { OidcConfig } from "./config-oidc.js";
import type { TokenClaims, TokenVerifier } from "./control/access/access-control.js";
import { keptAnswer } from "./lib/kept-answer.js";
import { verifiedEmail } from "./oidc-claims.js";

const algorithms = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"];
const clockToleranceSeconds = 30;
const longestToken = 8_192;
const timeoutMs = 5_000;
/** The issuer's keys are asked for again so often at most, whatever keys tokens name. */
const cooldownMs = 30_000;
const keysKeptMs = 600_000;
const discoveryKeptMs = 3_600_000;
const discoveryBytes = 65_536;

export interface Log {
  warn(fields: object, message: string): void;
  debug(fields: object, message: string): void;
}

type Keys = ReturnType<typeof createRemoteJWKSet>;

export function createOidcVerifier(config: OidcConfig, logger: Log, now: () => number = Date.now): TokenVerifier {
  const { issuer, audience } = config;
  const keysOfIssuer = keptAnswer(() => discover(issuer), {
    keptMs: discoveryKeptMs,
    failureKeptMs: cooldownMs,
    now,
  });
  return async (token) => {
    if (token.length > longestToken || !/^[\w-]+\.[\w-]+\.[\w-]+$/.test(token)) return undefined;
    try {
      const { payload } = await jwtVerify(token, await keysOfIssuer(), {
        ...{ issuer, audience, algorithms, clockTolerance: clockToleranceSeconds },
        requiredClaims: ["sub", "exp"],
        currentDate: new Date(now()),
      });
      return claimsOf(payload, config);
    } catch (error) {
      const isTokens = error instanceof errors.JOSEError && !(error instanceof errors.JWKSTimeout);
      if (isTokens) logger.debug({ code: error.code }, "A token of the OIDC issuer's was refused");
      else logger.warn({ issuer, err: error }, "The OIDC issuer cannot be asked; its tokens are refused");
      return undefined;
    }
  };
}

const Discovery = z.object({ issuer: z.string(), jwks_uri: z.url() });

async function discover(issuer: string): Promise<Keys> {
  const place = `${issuer.replace(/\/$/, "")}/.well-known/openid-configuration`;
  const response = await fetch(place, { redirect: "error", signal: AbortSignal.timeout(timeoutMs) });
  const text = await bounded(response);
  if (!response.ok) throw new Error(`${place} answers ${response.status}`);
  const found = Discovery.parse(JSON.parse(text));
  if (found.issuer !== issuer) throw new Error(`${place} is of the issuer ${found.issuer}, not of ${issuer}`);
  const keys = new URL(found.jwks_uri);
  if (keys.protocol !== "https:" && new URL(issuer).protocol === "https:") {
    throw new Error(`The issuer's keys are at ${keys.href}, which is not https`);
  }
  return createRemoteJWKSet(keys, {
    timeoutDuration: timeoutMs,
    cooldownDuration: cooldownMs,
    cacheMaxAge: keysKeptMs,
  });
}

async function bounded(response: Response): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of response.body ?? []) {
    text += decoder.decode(chunk as Uint8Array, { stream: true });
    if (text.length > discoveryBytes) throw new Error("The discovery document is too large");
  }
  return text;
}

function claimsOf(payload: JWTPayload, { mappings }: OidcConfig): TokenClaims | undefined {
  const { sub: subject = "", exp = 0 } = payload;
  if (!/^[\x21-\x7e]{1,255}$/.test(subject)) return undefined;
  const held = mappings.filter(({ claim, value }) => valuesOf(payload, claim).includes(value));
  const email = verifiedEmail(payload);
  return {
    subject,
    verifiedEmail: email,
    name: (text(payload.name) ?? text(payload.preferred_username) ?? email ?? subject).slice(0, 100),
    expiresAt: (exp + clockToleranceSeconds) * 1_000,
    isAdmin: held.some(({ isAdmin }) => isAdmin === true),
    scopes: held.flatMap(({ group, role }) => (group === undefined || role === undefined ? [] : [{ group, role }])),
  };
}

/** A claim by its name, else by its path: `realm_access.roles`. */
function valuesOf(payload: JWTPayload, claim: string): unknown[] {
  let value: unknown = payload[claim];
  if (value === undefined) {
    value = payload;
    for (const part of claim.split(".")) {
      value =
        typeof value === "object" && value !== null && Object.hasOwn(value, part)
          ? Reflect.get(value, part)
          : undefined;
    }
  }
  return Array.isArray(value) ? value : [value];
}

function text(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}
