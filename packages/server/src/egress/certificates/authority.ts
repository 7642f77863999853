/**
 * The certificate authority of a group. Its certificate is trusted inside the group's sandboxes; its key signs a certificate for each
 * name whose TLS the gateway opens, and never leaves the daemon: the gateway's process gets the leaf certificates only.
 */
import { createPrivateKey, KeyObject, webcrypto } from "node:crypto";
import { isIP } from "node:net";
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  Name,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
} from "@peculiar/x509";

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
const leafValidMs = 7 * dayMs;

/** P-256; the library signs with SHA-256 where nothing else is said. */
const keyAlgorithm = { name: "ECDSA", namedCurve: "P-256" };

/** A new one, with a new key, for ten years. */
export async function makeAuthority(group: string): Promise<Authority> {
  const { publicKey, privateKey } = await makeKeys();
  const name = nameOf({ O: "Alcove", CN: `Alcove egress CA of group ${group}`.slice(0, 64) });
  const now = Date.now();
  const certificate = await X509CertificateGenerator.create({
    issuer: name,
    subject: name,
    // A sandbox's clock may be behind.
    notBefore: new Date(now - dayMs),
    notAfter: new Date(now + authorityValidMs),
    publicKey,
    signingKey: privateKey,
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      await SubjectKeyIdentifierExtension.create(publicKey),
      await AuthorityKeyIdentifierExtension.create(publicKey),
    ],
  });
  return { certificate: pemOf(certificate), key: privatePem(privateKey) };
}

/**
 * A server's certificate for a name in lower case, or an address literal without brackets. All that one process issues have the same key:
 * it is worth no more than the gateway's process, which ends the TLS of all of them. Quicker with the same object for the same authority.
 */
export async function issue(authority: Authority, host: string): Promise<LeafCertificate> {
  const [signer, leaf] = await Promise.all([signerOf(authority), leafKey()]);
  const now = Date.now();
  const certificate = await X509CertificateGenerator.create({
    issuer: signer.name,
    subject: nameOf({ CN: host.length <= 64 ? host : "Alcove egress" }),
    notBefore: new Date(now - hourMs),
    notAfter: new Date(now + leafValidMs),
    publicKey: leaf.publicKey,
    signingKey: signer.key,
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
      new SubjectAlternativeNameExtension([alternativeName(host)]),
      leaf.identifier,
      signer.identifier,
    ],
  });
  return { certificate: pemOf(certificate), key: leaf.pem };
}

interface Signer {
  /** The certificate's own subject, as it is written there. */
  readonly name: Name;
  readonly key: webcrypto.CryptoKey;
  readonly identifier: AuthorityKeyIdentifierExtension;
}

const signers = new WeakMap<Authority, Promise<Signer>>();

/** Read once an authority: reading takes longer than signing. */
function signerOf(authority: Authority): Promise<Signer> {
  const known = signers.get(authority);
  if (known !== undefined) return known;
  const signer = readSigner(authority);
  signers.set(authority, signer);
  return signer;
}

async function readSigner(authority: Authority): Promise<Signer> {
  const certificate = new X509Certificate(authority.certificate);
  const der = createPrivateKey(authority.key).export({ format: "der", type: "pkcs8" });
  return {
    name: certificate.subjectName,
    key: await webcrypto.subtle.importKey("pkcs8", der, keyAlgorithm, false, ["sign"]),
    identifier: await AuthorityKeyIdentifierExtension.create(certificate),
  };
}

interface LeafKey {
  readonly publicKey: webcrypto.CryptoKey;
  readonly identifier: SubjectKeyIdentifierExtension;
  readonly pem: string;
}

let keyOfThisProcess: Promise<LeafKey> | undefined;

function leafKey(): Promise<LeafKey> {
  keyOfThisProcess ??= makeLeafKey();
  return keyOfThisProcess;
}

async function makeLeafKey(): Promise<LeafKey> {
  const { publicKey, privateKey } = await makeKeys();
  const identifier = await SubjectKeyIdentifierExtension.create(publicKey);
  return { publicKey, identifier, pem: privatePem(privateKey) };
}

function makeKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(keyAlgorithm, true, ["sign", "verify"]);
}

/** As UTF-8 by name: in a plain string the library reads quotes, backslashes and number signs as a notation. */
function nameOf(parts: Readonly<Record<string, string>>): Name {
  return new Name(Object.entries(parts).map(([type, value]) => ({ [type]: [{ utf8String: value }] })));
}

function alternativeName(host: string): { type: "dns" | "ip"; value: string } {
  const version = isIP(host);
  if (version === 0) return { type: "dns", value: host };
  // The library reads no IPv6 address with a dotted end; the URL parser writes one in hexadecimal throughout.
  return { type: "ip", value: version === 4 ? host : new URL(`http://[${host}]`).hostname.slice(1, -1) };
}

function pemOf(certificate: X509Certificate): string {
  return `${certificate.toString("pem")}\n`;
}

function privatePem(key: webcrypto.CryptoKey): string {
  return KeyObject.from(key).export({ format: "pem", type: "pkcs8" }).toString();
}
