/**
 * This server as an issuer of tokens: RS256, since that is what clouds take. Its keys are made when the first token, or whoever is to
 * believe one, asks for them. The newest signs; one before it stays in the key set until its last tokens are over.
 */
import { createPrivateKey, createPublicKey, generateKeyPair, type KeyObject, randomUUID } from "node:crypto";
import { promisify } from "node:util";
import { AlcoveError, type KeySet, type OpenidConfiguration, type RotatedKeys } from "@alcove/contract";
import { decodeJwt, errors, type JWTPayload, jwtVerify, SignJWT } from "jose";
import type { IssuerKey, IssuerKeyFiles } from "../../store/issuer-keys.js";

export interface IssuerOptions {
  readonly keys: IssuerKeyFiles;
  /** Under which others reach this server, without a slash at its end; undefined: it issues nothing. */
  readonly url: () => string | undefined;
  readonly now?: () => number;
}

export interface TokenContent {
  readonly subject: string;
  readonly audience: string;
  readonly lifetimeSeconds: number;
  readonly claims: Readonly<Record<string, string>>;
}

export interface SignedToken {
  readonly token: string;
  /** Seconds since 1970, both. */
  readonly issuedAt: number;
  readonly expiresAt: number;
}

/** What every audience that means this server itself may be called. */
export const ownAudience = "alcove";

const algorithm = "RS256";
/** A former key's: the longest life of a token, and what clocks may differ by. */
const formerKeptMs = 3_600_000 + 300_000;
const longestToken = 8_192;

interface OpenedKey {
  readonly id: string;
  readonly createdAt: number;
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
}

export class Issuer {
  readonly #files: IssuerKeyFiles;
  readonly #url: () => string | undefined;
  readonly #now: () => number;
  #opened: OpenedKey[] | undefined;
  #making: Promise<OpenedKey> | undefined;

  constructor({ keys, url, now = Date.now }: IssuerOptions) {
    this.#files = keys;
    this.#url = url;
    this.#now = now;
  }

  /** Undefined where it issues nothing. */
  get url(): string | undefined {
    return this.#url();
  }

  discovery(): OpenidConfiguration {
    const issuer = this.#required();
    return {
      issuer,
      jwks_uri: `${issuer}/.well-known/jwks.json`,
      response_types_supported: ["id_token"],
      subject_types_supported: ["public"],
      id_token_signing_alg_values_supported: [algorithm],
      claims_supported: ["iss", "sub", "aud", "iat", "nbf", "exp", "jti", ...groupClaims],
    };
  }

  async keySet(): Promise<KeySet> {
    this.#required();
    await this.#signing();
    return { keys: this.#keys().map(published) };
  }

  async sign({ subject, audience, lifetimeSeconds, claims }: TokenContent): Promise<SignedToken> {
    const issuer = this.#required();
    const { id, privateKey } = await this.#signing();
    const issuedAt = Math.floor(this.#now() / 1_000);
    const expiresAt = issuedAt + lifetimeSeconds;
    const token = await new SignJWT({ ...claims })
      .setProtectedHeader({ alg: algorithm, typ: "JWT", kid: id })
      .setIssuer(issuer)
      .setSubject(subject)
      .setAudience(audience)
      .setIssuedAt(issuedAt)
      .setNotBefore(issuedAt)
      .setExpirationTime(expiresAt)
      .setJti(randomUUID())
      .sign(privateKey);
    return { token, issuedAt, expiresAt };
  }

  /** What a token of its own that is meant for this server says; undefined where it is none, or is not valid. It never rejects. */
  async verify(token: string): Promise<JWTPayload | undefined> {
    const issuer = this.url;
    if (issuer === undefined || token.length > longestToken) return undefined;
    try {
      if (decodeJwt(token).iss !== issuer) return undefined;
      const { payload } = await jwtVerify(token, ({ kid }) => this.#publicKey(kid), {
        ...{ issuer, audience: [issuer, ownAudience], algorithms: [algorithm] },
        requiredClaims: ["sub", "exp", "jti"],
        currentDate: new Date(this.#now()),
      });
      return payload;
    } catch {
      return undefined;
    }
  }

  async rotate(): Promise<RotatedKeys> {
    this.#required();
    const hadOne = this.#keys().length > 0;
    const { id: keyId, createdAt } = await this.#make();
    return { keyId, ...(hadOne && { formerUntil: new Date(createdAt + formerKeptMs).toISOString() }) };
  }

  #required(): string {
    const { url } = this;
    if (url === undefined) throw new AlcoveError("IssuerOff");
    return url;
  }

  #publicKey(id: string | undefined): KeyObject {
    const found = this.#keys().find((key) => key.id === id);
    if (found === undefined) throw new errors.JWKSNoMatchingKey();
    return found.publicKey;
  }

  async #signing(): Promise<OpenedKey> {
    const newest = this.#keys().at(-1);
    if (newest !== undefined) return newest;
    this.#making ??= this.#make().finally(() => (this.#making = undefined));
    return await this.#making;
  }

  async #make(): Promise<OpenedKey> {
    const { privateKey } = await promisify(generateKeyPair)("rsa", { modulusLength: 2_048 });
    // Clocks are set back; the order of the keys is not.
    const createdAt = Math.max(this.#now(), (this.#keys().at(-1)?.createdAt ?? 0) + 1);
    const pem = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
    const key = { id: randomUUID(), createdAt, privateKey: pem };
    this.#files.add(key);
    const opened = open(key);
    this.#opened = [...this.#keys(), opened];
    return opened;
  }

  /** The oldest first, without those whose tokens are over. */
  #keys(): readonly OpenedKey[] {
    const all = this.#opened ?? this.#files.list().map(open);
    const kept = all.filter((_key, at) => {
      const next = all[at + 1];
      return next === undefined || next.createdAt + formerKeptMs > this.#now();
    });
    for (const { id } of all) if (!kept.some((key) => key.id === id)) this.#files.remove(id);
    this.#opened = kept;
    return kept;
  }
}

export const groupClaims = ["alcove_group", "alcove_group_id", "alcove_sandbox"] as const;

function open({ id, createdAt, privateKey: pem }: IssuerKey): OpenedKey {
  const privateKey = createPrivateKey(pem);
  return { id, createdAt, privateKey, publicKey: createPublicKey(privateKey) };
}

function published({ id, publicKey }: OpenedKey): KeySet["keys"][number] {
  const { n = "", e = "" } = publicKey.export({ format: "jwk" });
  return { kid: id, kty: "RSA", alg: algorithm, use: "sig", n, e };
}
