/** Whether a registry answers here, and takes the credentials that are kept for it in Docker's configuration. */
import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { parseUrl } from "@alcove/contract";
import type { Finding } from "./client-findings.js";

const deadlineMs = 10_000;

export async function registryFinding(registry: string, signal: AbortSignal): Promise<Finding> {
  const isNamedAlone = !registry.includes("://");
  const found = await findingAt(registry, isNamedAlone ? `https://${registry}` : registry, signal);
  // One on this machine may do without TLS, as when the daemon pulls.
  if (found.speaksNoTls && isNamedAlone && isLoopback(registry)) {
    return (await findingAt(registry, `http://${registry}`, signal)).finding;
  }
  return found.finding;
}

function isLoopback(registry: string): boolean {
  return /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])(:\d+)?$/.test(registry);
}

interface Found {
  readonly finding: Finding;
  readonly speaksNoTls?: boolean;
}

async function findingAt(registry: string, base: string, signal: AbortSignal): Promise<Found> {
  try {
    return { finding: await answered(registry, base, signal) };
  } catch (failure) {
    return unreached(registry, base, failure as Error & { readonly cause?: { readonly code?: string } });
  }
}

function unreached(registry: string, base: string, { message, cause }: Error & { cause?: { code?: string } }): Found {
  const check = "registry";
  const code = cause?.code ?? message;
  if (code === "ERR_SSL_WRONG_VERSION_NUMBER" || code === "ERR_SSL_PACKET_LENGTH_TOO_LONG") {
    const sentence = `${registry} speaks no TLS: the daemon pulls from it only when its key insecureRegistries names it`;
    return {
      speaksNoTls: true,
      finding: { check, level: "error", sentence, remedy: `curl -i http://${registry}/v2/` },
    };
  }
  const words = reasons[code] ?? code;
  const sentence = `${registry} cannot be reached: ${words}`;
  return { finding: { check, level: "error", sentence, remedy: `curl -i ${base}/v2/` } };
}

const reasons: Readonly<Record<string, string>> = {
  ENOTFOUND: "no host has this name",
  EAI_AGAIN: "its name cannot be looked up",
  ECONNREFUSED: "nothing listens there (ECONNREFUSED)",
  EHOSTUNREACH: "there is no way to it (EHOSTUNREACH)",
  ENETUNREACH: "there is no way to it (ENETUNREACH)",
};

async function answered(registry: string, base: string, signal: AbortSignal): Promise<Finding> {
  const check = "registry";
  const remedy = `docker login ${registry}`;
  const open = await ask(`${base}/v2/`, undefined, signal);
  if (open.ok) return { check, level: "ok", sentence: `${registry} answers, and asks for no credentials` };
  if (open.status !== 401)
    return {
      check,
      level: "error",
      sentence: `${registry} answers ${open.status}: no registry is there`,
      remedy: `curl -i ${base}/v2/`,
    };
  const basic = await credentialsOf(registry);
  if (basic === undefined)
    return {
      check,
      level: "warning",
      sentence: `${registry} asks for credentials for what is not public, and there are none`,
      remedy,
    };
  const accepted = await ask(tokenUrl(open.headers.get("www-authenticate")) ?? `${base}/v2/`, basic, signal);
  if (accepted.ok) return { check, level: "ok", sentence: `${registry} answers, and takes the credentials` };
  return { check, level: "error", sentence: `${registry} refuses the credentials (${accepted.status})`, remedy };
}

/** Redirects are not followed: what was given for one host is not shown to another. */
function ask(url: string, basic: string | undefined, signal: AbortSignal): Promise<Response> {
  const timeout = new AbortController();
  const timer = setTimeout(() => timeout.abort(new Error(`no answer within ${deadlineMs} ms`)), deadlineMs);
  signal.addEventListener("abort", () => timeout.abort(signal.reason), { once: true });
  const headers = basic === undefined ? {} : { authorization: `Basic ${basic}` };
  return fetch(url, { headers, redirect: "manual", signal: timeout.signal }).finally(() => clearTimeout(timer));
}

/** Where tokens are had, as the registry says; only over TLS. */
function tokenUrl(challenge: string | null): string | undefined {
  const [, realm] = /^bearer .*realm="(https:[^"]+)"/i.exec(challenge ?? "") ?? [];
  const url = realm === undefined ? undefined : parseUrl(realm);
  if (url === undefined) return undefined;
  const [, service] = /service="([^"]+)"/i.exec(challenge ?? "") ?? [];
  if (service !== undefined) url.searchParams.set("service", service);
  return url.href;
}

async function credentialsOf(registry: string): Promise<string | undefined> {
  const path = join(process.env.DOCKER_CONFIG || join(homedir(), ".docker"), "config.json");
  try {
    const { auths } = JSON.parse(await readFile(path, "utf8")) as { auths?: Record<string, { auth?: string }> };
    const host = registry.replace(/^https?:\/\//, "");
    return auths?.[host]?.auth ?? auths?.[registry]?.auth;
  } catch {
    return undefined;
  }
}
