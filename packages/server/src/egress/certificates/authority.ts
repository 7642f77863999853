/**
 * The certificate authority of a group. Its certificate is trusted inside the group's sandboxes; its key signs a certificate for each
 * name whose TLS the gateway opens, and never leaves the daemon: the gateway's process gets the leaf certificates only.
 */
import { createPrivateKey, generateKeyPairSync, type KeyObject, X509Certificate } from "node:crypto";
import { nameElement, writeCertificate } from "./certificate.js";
import { childrenOf } from "./der.js";

/** PEM, both; the key is PKCS #8 without a passphrase. */
export interface Authority {
  readonly certificate: string;
  readonly key: string;
}

/** PEM, both. The leaf alone, since what signed it is what the sandbox trusts. */
export interface LeafCertificate {
  readonly certificate: string;
  readonly key: string;
}

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
const authorityValidMs = 3_652 * dayMs;
export const leafValidMs = 7 * dayMs;

/** A new one, with a new key, for ten years. */
export function makeAuthority(group: string): Authority {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const name = nameElement({ commonName: `Alcove egress CA of group ${group}`.slice(0, 64), organization: "Alcove" });
  const now = Date.now();
  const certificate = writeCertificate({
    issuer: name,
    subject: name,
    // A sandbox's clock may be behind.
    notBeforeMs: now - dayMs,
    notAfterMs: now + authorityValidMs,
    key: privateKey,
    signingKey: privateKey,
    use: "authority",
  });
  return { certificate, key: pemOf(privateKey) };
}

/**
 * A server's certificate for a name in lower case, or an address literal without brackets. All that one process issues have the same key:
 * it is worth no more than the gateway's process, which ends the TLS of all of them. Quick, with the same object for the same authority.
 */
export function issue(authority: Authority, host: string): LeafCertificate {
  const now = Date.now();
  const { key, pem } = leafKey();
  const { name, signingKey } = signerOf(authority);
  const certificate = writeCertificate({
    issuer: name,
    subject: nameElement({ commonName: host.length <= 64 ? host : "Alcove egress" }),
    notBeforeMs: now - hourMs,
    notAfterMs: now + leafValidMs,
    key,
    signingKey,
    use: { host },
  });
  return { certificate, key: pem };
}

interface Signer {
  readonly name: Buffer;
  readonly signingKey: KeyObject;
}

const signers = new WeakMap<Authority, Signer>();

/** Read once an authority: reading takes longer than signing. */
function signerOf(authority: Authority): Signer {
  const known = signers.get(authority);
  if (known !== undefined) return known;
  const signer = { name: subjectOf(authority), signingKey: createPrivateKey(authority.key) };
  signers.set(authority, signer);
  return signer;
}

/** The certificate's own subject, byte for byte: tbsCertificate's sixth element, after the version and four more. */
function subjectOf(authority: Authority): Buffer {
  const [body] = childrenOf(new X509Certificate(authority.certificate).raw);
  const subject = body === undefined ? undefined : childrenOf(body)[5];
  if (subject === undefined) throw new Error("the authority's certificate has no subject");
  return subject;
}

let keyOfThisProcess: { readonly key: KeyObject; readonly pem: string } | undefined;

function leafKey(): { readonly key: KeyObject; readonly pem: string } {
  if (keyOfThisProcess === undefined) {
    const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    keyOfThisProcess = { key: privateKey, pem: pemOf(privateKey) };
  }
  return keyOfThisProcess;
}

function pemOf(key: KeyObject): string {
  return key.export({ format: "pem", type: "pkcs8" }).toString();
}
