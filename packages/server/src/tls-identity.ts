/**
 * What the daemon shows on TCP: the certificate that was configured, or one that it makes for itself once and keeps, so
 * that clients know it again by its fingerprint.
 */
import { createPrivateKey, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { isIP } from "node:net";
import { hostname } from "node:os";
import { join } from "node:path";
import { AlcoveError } from "@alcove/contract";
import { generate } from "selfsigned";
import { writeDurably } from "./host/write-durably.js";

export interface TlsIdentity {
  /** PEM, with what it is signed by. */
  readonly certificate: string;
  readonly key: string;
  /** SHA-256 of the certificate, as hex with colons. */
  readonly fingerprint: string;
  readonly isSelfMade: boolean;
}

export interface IdentityOptions {
  readonly dataDirectory: string;
  readonly given: { readonly certificatePath: string; readonly keyPath: string } | undefined;
  /** Names and addresses that clients may call it by, for a certificate of its own. */
  readonly names: readonly string[];
  /** One that was made before is made anew where it lacks a name; else it is kept, since clients know it by its fingerprint. */
  readonly hasAllNames?: boolean;
  /** What the two files are called in the configuration. */
  readonly settings?: Settings;
}

interface Settings {
  readonly certificate: string;
  readonly key: string;
}

export async function tlsIdentity(options: IdentityOptions): Promise<TlsIdentity> {
  const { dataDirectory, given, names, hasAllNames = false } = options;
  if (given !== undefined)
    return readGiven(given, options.settings ?? { certificate: "tlsCertificate", key: "tlsKey" });
  const path = join(dataDirectory, "tls.pem");
  const kept = readKept(path);
  if (kept !== undefined && (!hasAllNames || isFor(kept, names))) return kept;
  const made = await make(names);
  // One file, so that certificate and key are never of two makings.
  await writeDurably(path, `${made.certificate.trimEnd()}\n${made.key.trimEnd()}\n`);
  return made;
}

function readGiven({ certificatePath, keyPath }: NonNullable<IdentityOptions["given"]>, settings: Settings) {
  const certificate = readPem(certificatePath, settings);
  const key = readPem(keyPath, settings);
  try {
    return checked(certificate, key, false);
  } catch (error) {
    const detail = `${certificatePath} and ${keyPath} are no certificate with its key: ${(error as Error).message}.`;
    throw new AlcoveError("InvalidRequest", detail, {
      field: settings.certificate,
      hint: "Give a PEM certificate, with what it is signed by, and its own PEM key without a passphrase.",
      cause: error,
    });
  }
}

function readPem(path: string, settings: Settings): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    const detail = `${path} cannot be read: ${(error as Error).message}.`;
    const hint = `Give the daemon's user the right to read it, or correct ${settings.certificate} and ${settings.key}.`;
    throw new AlcoveError("InvalidRequest", detail, { field: settings.certificate, hint, cause: error });
  }
}

/** The one that was made before; undefined where there is none, or none that is any good. */
function readKept(path: string): TlsIdentity | undefined {
  try {
    const text = readFileSync(path, "utf8");
    const at = text.indexOf("-----BEGIN PRIVATE KEY-----");
    return checked(text.slice(0, at), text.slice(at), true);
  } catch {
    return undefined;
  }
}

function isFor({ certificate }: TlsIdentity, names: readonly string[]): boolean {
  const own = new X509Certificate(certificate).subjectAltName?.split(", ") ?? [];
  return names.every((name) => own.includes(`DNS:${name}`) || own.includes(`IP Address:${name}`));
}

function checked(certificate: string, key: string, isSelfMade: boolean): TlsIdentity {
  const parsed = new X509Certificate(certificate);
  if (!parsed.checkPrivateKey(createPrivateKey(key))) throw new Error("the key is another one's");
  if (Date.parse(parsed.validTo) <= Date.now()) throw new Error(`the certificate ended at ${parsed.validTo}`);
  return { certificate, key, fingerprint: parsed.fingerprint256, isSelfMade };
}

const dayMs = 86_400_000;
const validDays = 3_650;

async function make(names: readonly string[]): Promise<TlsIdentity> {
  const all = [...new Set(["localhost", "127.0.0.1", "::1", hostname(), ...names])];
  const altNames = all.map((name) =>
    isIP(name) === 0 ? { type: 2 as const, value: name } : { type: 7 as const, ip: name },
  );
  const { cert, private: key } = await generate([{ name: "commonName", value: "Alcove" }], {
    keyType: "ec",
    curve: "P-256",
    algorithm: "sha256",
    // A client's clock may be behind.
    notBeforeDate: new Date(Date.now() - dayMs),
    notAfterDate: new Date(Date.now() + validDays * dayMs),
    extensions: [
      { name: "basicConstraints", cA: false, critical: true },
      { name: "keyUsage", digitalSignature: true, critical: true },
      { name: "extKeyUsage", serverAuth: true },
      { name: "subjectAltName", altNames },
    ],
  });
  return checked(cert, key, true);
}
