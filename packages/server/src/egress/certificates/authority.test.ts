import { execFile } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import tls from "node:tls";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { connectedPair } from "../http/flow-test-kit.js";
import { type Authority, issue, makeAuthority } from "./authority.js";

const run = promisify(execFile);
const authority = await makeAuthority("team");
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "certificates-"));
});

afterAll(() => rm(folder, { recursive: true }));

describe("a group's authority", () => {
  test("signs itself, for ten years, with a name that tells whose it is", () => {
    const certificate = new X509Certificate(authority.certificate);
    expect(certificate.subject).toBe("O=Alcove\nCN=Alcove egress CA of group team");
    expect(certificate.ca).toBe(true);
    expect(certificate.checkIssued(certificate)).toBe(true);
    expect(certificate.verify(certificate.publicKey)).toBe(true);
    expect(Date.parse(certificate.validTo) - Date.now()).toBeGreaterThan(3_650 * 86_400_000);
    expect(Date.parse(certificate.validFrom)).toBeLessThan(Date.now());
  });

  test("may sign certificates, of no further authorities, and says so in what nobody may pass over", async () => {
    const text = await textOf(authority.certificate);
    expect(text).toContain("Signature Algorithm: ecdsa-with-SHA256");
    expect(text).toContain("ASN1 OID: prime256v1");
    expect(text).toContain("X509v3 Basic Constraints: critical CA:TRUE, pathlen:0");
    expect(text).toContain("X509v3 Key Usage: critical Certificate Sign, CRL Sign");
  });

  test("is another one for each group, and each time", async () => {
    const authorities = [authority, await makeAuthority("team"), await makeAuthority("other")];
    expect(new Set(authorities.map(({ key }) => key)).size).toBe(3);
  });

  test("takes a group's name of any length", async () => {
    const { subject } = new X509Certificate((await makeAuthority("g".repeat(63))).certificate);
    expect(subject).toContain("Alcove egress CA of group gggg");
  });
});

describe("a server's certificate", () => {
  test.each([
    "example.com",
    "a_b.example.com",
    "xn--mnchen-3ya.example",
    `${"a".repeat(60)}.${"b".repeat(60)}.example.com`,
    "192.0.2.7",
    "2001:db8::1",
    "::1",
    "fd41:6c63:6f76::c612:1",
    "64:ff9b::192.0.2.7",
  ])("for %s is what OpenSSL's strictest reading accepts, for it and for nothing else", async (host) => {
    const { certificate } = await issue(authority, host);
    const verify = await verifier(authority, certificate);
    expect(await verify(host)).toContain("leaf.pem: OK");
    await expect(verify("other.example.org")).rejects.toThrow(/mismatch/i);
  });

  test.each(["#31", 'a"b', "a\\b", "a,o=b"])("for %s has that for its name, and no notation", async (host) => {
    const { subject } = new X509Certificate((await issue(authority, host)).certificate);
    expect(subject.replace(/\\(.)/g, "$1")).toBe(`CN=${host}`);
  });

  test("is for a server, and for nothing else", async () => {
    const text = await textOf((await issue(authority, "example.com")).certificate);
    expect(text).toContain("Signature Algorithm: ecdsa-with-SHA256");
    expect(text).toContain("ASN1 OID: prime256v1");
    expect(text).toContain("X509v3 Basic Constraints: critical CA:FALSE");
    expect(text).toContain("X509v3 Key Usage: critical Digital Signature X509v3");
    expect(text).toContain("X509v3 Extended Key Usage: TLS Web Server Authentication X509v3");
  });

  test("is for a week, and was valid an hour ago", async () => {
    const { validFrom, validTo } = new X509Certificate((await issue(authority, "example.com")).certificate);
    const hour = 3_600_000;
    expect(Math.round((Date.now() - Date.parse(validFrom)) / hour)).toBe(1);
    expect(Math.round((Date.parse(validTo) - Date.now()) / (24 * hour))).toBe(7);
  });

  test("is not believed by who trusts another group's authority", async () => {
    const verify = await verifier(await makeAuthority("other"), (await issue(authority, "example.com")).certificate);
    await expect(verify("example.com")).rejects.toThrow(/unable to get local issuer/);
  });

  test("cannot sign others", async () => {
    const leaf = await issue(authority, "example.com");
    const forged = await issue({ certificate: leaf.certificate, key: leaf.key }, "victim.example");
    const verify = await verifier(authority, forged.certificate, leaf.certificate);
    await expect(verify("victim.example")).rejects.toThrow(/invalid CA certificate/);
  });

  test("has a serial number of its own, which is positive", async () => {
    const leaves = await Promise.all(Array.from({ length: 20 }, () => issue(authority, "example.com")));
    const serials = leaves.map(({ certificate }) => new X509Certificate(certificate).serialNumber);
    expect(new Set(serials).size).toBe(20);
    expect(serials.filter((serial) => !/^[0-9A-F]{20,40}$/.test(serial))).toEqual([]);
  });

  test.each(["TLSv1.2", "TLSv1.3"] as const)("makes a %s connection", async (version) => {
    const { certificate, key } = await issue(authority, "example.com");
    const [near, far] = await connectedPair();
    const server = new tls.TLSSocket(far, { isServer: true, cert: certificate, key });
    const options = { socket: near, ca: authority.certificate, servername: "example.com" };
    const client = tls.connect({ ...options, minVersion: version, maxVersion: version });
    await new Promise((resolve, reject) => client.once("secureConnect", resolve).once("error", reject));
    expect(client.getProtocol()).toBe(version);
    client.destroy();
    server.destroy();
  });
});

/** As OpenSSL prints it, in one line. */
async function textOf(certificate: string): Promise<string> {
  const path = join(folder, "printed.pem");
  await writeFile(path, certificate);
  const { stdout } = await run("openssl", ["x509", "-in", path, "-noout", "-text"]);
  return stdout.replace(/\s+/g, " ");
}

/** `openssl verify` of a leaf for a host. */
async function verifier(
  trusted: Authority,
  leaf: string,
  between?: string,
): Promise<(host: string) => Promise<string>> {
  const path = (name: string) => join(folder, name);
  await writeFile(path("trusted.pem"), trusted.certificate);
  await writeFile(path("leaf.pem"), leaf);
  await writeFile(path("between.pem"), between ?? "");
  return async (host) => {
    const asked = /^[\d.]+$|:/.test(host) ? ["-verify_ip", host] : ["-verify_hostname", host];
    const through = between === undefined ? [] : ["-untrusted", path("between.pem")];
    const args = ["verify", "-x509_strict", "-purpose", "sslserver", "-CAfile", path("trusted.pem")];
    return (await run("openssl", [...args, ...through, ...asked, path("leaf.pem")])).stdout;
  };
}
