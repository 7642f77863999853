/**
 * Who has signed in, as a JWT of one port's: what the daemon hands to the preview's host, and the cookie that a browser gets there for it. Signed
 * with the sandbox's key, as links are.
 */
import { errors, jwtVerify, SignJWT } from "jose";
import { z } from "zod";
import type { Person } from "../policy/ports/people.js";

export interface PortOfRealm {
  readonly sandboxId: string;
  readonly port: number;
  /** Whose names for people these are. */
  readonly realm: string;
}

interface Handed extends Person {
  /** The digest of what the browser that began has in a cookie. */
  readonly browser: string;
  /** Of the preview: where its user wanted to go. */
  readonly target: string;
  /** How long the cookie is good. Seconds since 1970. */
  readonly until: number;
}

const kinds = { handoff: "alcove-handoff", session: "alcove-session" };
const algorithm = "HS256";

const Claims = z.object({ sub: z.string().min(1).max(255), email: z.string().max(320).optional(), exp: z.number() });
const HandedClaims = Claims.extend({ browser: z.string(), target: z.string().startsWith("/"), until: z.number() });

export const signHandoff = (handed: Handed, about: PortOfRealm, key: Uint8Array, expiresAt: number): Promise<string> =>
  sign(kinds.handoff, handed, { ...about, key, expiresAt });

export const signSession = ({ subject, email }: Person, about: PortOfRealm, key: Uint8Array, expiresAt: number) =>
  sign(kinds.session, { subject, email }, { ...about, key, expiresAt });

/** Undefined where it is not ours, of another port, or over. */
export async function readHandoff(text: string, about: PortOfRealm, key: Uint8Array): Promise<Handed | undefined> {
  const claims = HandedClaims.safeParse(await verified(kinds.handoff, text, { ...about, key })).data;
  return claims && { subject: claims.sub, ...claims };
}

export interface Session {
  readonly person: Person;
  /** Milliseconds since 1970. */
  readonly until: number;
}

/** The same. */
export async function readSession(text: string, about: PortOfRealm, key: Uint8Array): Promise<Session | undefined> {
  const claims = Claims.safeParse(await verified(kinds.session, text, { ...about, key })).data;
  return claims && { person: { subject: claims.sub, email: claims.email }, until: claims.exp * 1_000 };
}

type Keyed = PortOfRealm & { readonly key: Uint8Array };

function sign(kind: string, { subject, ...claims }: Person, about: Keyed & { expiresAt: number }): Promise<string> {
  return new SignJWT({ ...claims })
    .setProtectedHeader({ alg: algorithm, typ: kind })
    .setSubject(subject)
    .setIssuer(about.realm)
    .setAudience(audienceOf(about))
    .setExpirationTime(about.expiresAt)
    .sign(about.key);
}

async function verified(kind: string, text: string, { key, realm, ...about }: Keyed): Promise<unknown> {
  const checks = { algorithms: [algorithm], typ: kind, issuer: realm, audience: audienceOf(about) };
  try {
    return (await jwtVerify(text, key, checks)).payload;
  } catch (error) {
    if (error instanceof errors.JOSEError) return undefined;
    throw error;
  }
}

function audienceOf({ sandboxId, port }: Pick<PortOfRealm, "sandboxId" | "port">): string {
  return `${sandboxId}/${port}`;
}
