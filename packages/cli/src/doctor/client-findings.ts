/** What `doctor` looks at on this side: configuration, the way to the server, certificate, clock, key, versions, launcher. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Doctor, WhoAmI } from "@alcove/contract";
import type { Alcove } from "alcove";
import { sameFingerprint, seeCertificate } from "../certificate.js";
import { guestDirectory } from "../checkout.js";
import type { Cli } from "../cli.js";
import type { Settings } from "../config/settings.js";
import { readCertificates } from "../connection.js";
import { cliVersion } from "../version.js";

export type Finding = Doctor["findings"][number];

const dayMs = 86_400_000;
const soonDays = 14;
const clockWarningMs = 5_000;
const clockErrorMs = 60_000;

/** One look that fails is a finding, and keeps no other from being made. */
export async function clientFindings(cli: Cli): Promise<Finding[]> {
  const own = [configuration(cli), launcher()];
  const settings = cli.settings();
  const certificate = await look("certificate", () => certificateFinding(settings), "alcove login");
  const server = await look("server", () => serverFindings(cli), serverRemedy(settings));
  return [...own, ...certificate, ...server];
}

async function look(check: string, see: () => Promise<Finding[]>, remedy: string): Promise<Finding[]> {
  try {
    return await see();
  } catch (failure) {
    const { message, hint } = failure as Error & { readonly hint?: string };
    return [{ check, level: "error", sentence: hint === undefined ? message : `${message} ${hint}`, remedy }];
  }
}

function configuration(cli: Cli): Finding {
  const check = "configuration";
  const { config } = cli.readSettings();
  if (config.mode === undefined)
    return { check, level: "ok", sentence: `there is no ${config.path}; nothing is needed` };
  if (config.distrust === undefined) return { check, level: "ok", sentence: `${config.path} is ours alone` };
  const hasKey = Object.values(config.contexts).some(({ apiKey }) => apiKey !== undefined);
  return { check, level: hasKey ? "error" : "warning", sentence: config.distrust, remedy: `chmod 600 ${config.path}` };
}

function launcher(): Finding {
  const check = "launcher";
  const path = join(process.env.ALCOVE_GUEST_DIR || guestDirectory, "agent");
  if (existsSync(path)) return { check, level: "ok", sentence: `${path} does exec and run without Node's start` };
  return { check, level: "ok", sentence: `there is none at ${path}: exec and run start Node, and take longer` };
}

function serverRemedy({ url }: Settings): string {
  return url.value === undefined ? "alcove up" : "alcove config show";
}

async function certificateFinding({ url, ca, fingerprint }: Settings): Promise<Finding[]> {
  if (url.value?.startsWith("https:") !== true) return [];
  const seen = await seeCertificate(url.value, ca.value === undefined ? undefined : readCertificates(ca));
  const isPinned = fingerprint.value !== undefined;
  const wrong = isPinned
    ? sameFingerprint(fingerprint.value) === seen.fingerprint
      ? undefined
      : `is another one than ${fingerprint.source} says: its SHA-256 is ${seen.fingerprint}`
    : seen.distrust && `is not trusted (${seen.distrust})`;
  const days = Math.floor((Date.parse(seen.validTo) - Date.now()) / dayMs);
  const found = { check: "certificate", remedy: `alcove login --url ${url.value}` };
  if (wrong) return [{ ...found, level: "error", sentence: `the certificate of ${url.value} ${wrong}` }];
  if (Date.parse(seen.validFrom) > Date.now())
    return [
      {
        ...found,
        level: "error",
        sentence: `it counts from ${seen.validFrom}: a clock is wrong`,
        remedy: "timedatectl",
      },
    ];
  if (days < 0)
    return [{ ...found, level: "error", sentence: `it ended at ${seen.validTo}`, remedy: "renew it on the server" }];
  const sentence = `${isPinned ? "pinned" : "trusted"}, until ${seen.validTo}`;
  if (days < soonDays) return [{ ...found, level: "warning", sentence, remedy: "renew it on the server" }];
  return [{ check: "certificate", level: "ok", sentence }];
}

async function serverFindings(cli: Cli): Promise<Finding[]> {
  const alcove = await cli.alcove();
  const askedAt = Date.now();
  const { headers } = await alcove.send({ method: "GET", path: "/v1/version", headers: {}, signal: cli.signal });
  const middle = (askedAt + Date.now()) / 2;
  const { version } = await alcove.version({ signal: cli.signal });
  const key = await look("key", () => keyFinding(cli, alcove), "alcove login");
  return [clockFinding(headers.date, middle), ...(version === undefined ? [] : [versionFinding(version)]), ...key];
}

/** The header has whole seconds, cut off. */
export function clockFinding(date: string | undefined, now: number): Finding {
  const check = "clock";
  const difference = date === undefined ? Number.NaN : Date.parse(date) + 500 - now;
  if (Number.isNaN(difference))
    return { check, level: "warning", sentence: "the server does not say what time it is", remedy: "date" };
  const seconds = Math.round(Math.abs(difference) / 1_000);
  if (Math.abs(difference) < clockWarningMs) return { check, level: "ok", sentence: "the server's is the same" };
  const sentence = `the server's is ${seconds} s ${difference > 0 ? "ahead" : "behind"}`;
  const level = Math.abs(difference) < clockErrorMs ? "warning" : "error";
  return { check, level, sentence, remedy: "timedatectl set-ntp true" };
}

export function versionFinding(server: string): Finding {
  const check = "version";
  const series = (version: string) => version.split(".").slice(0, 2).join(".");
  const sentence = `the CLI is ${cliVersion}, the server ${server}`;
  if (series(server) === series(cliVersion)) return { check, level: "ok", sentence };
  return { check, level: "warning", sentence, remedy: `npm install -g @alcove/cli@${server}` };
}

async function keyFinding(cli: Cli, alcove: Alcove): Promise<Finding[]> {
  const { body } = await alcove.request({ method: "GET", path: "/v1/whoami", signal: cli.signal });
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  const { name, isAdmin, roles, expiresAt } = JSON.parse(Buffer.concat(chunks).toString()) as WhoAmI;
  const held = isAdmin ? "administrator" : roles.map(({ group, role }) => `${role} of ${group}`).join(", ");
  const until = expiresAt === undefined ? "" : `, until ${expiresAt}`;
  const sentence = `${name}: ${held || "no role anywhere"}${until}`;
  const isEnding = expiresAt !== undefined && Date.parse(expiresAt) - Date.now() < soonDays * dayMs;
  if (isEnding) return [{ check: "key", level: "warning", sentence, remedy: "alcove login, with a new key" }];
  return [{ check: "key", level: "ok", sentence }];
}
