/**
 * The daemon's configuration: one schema. A key's value comes from the environment, else from alcove.json in the
 * configuration directory, else from its default (config-reading.ts).
 *
 * To add a key: 1. its schema in `Config`, described  2. its variable in `variables`  3. its default in `fixedDefaults`; one that
 * depends on the host in `hostDefaults`, and in words in config-documents.ts  4. docs/configuration.md and docs/alcove.schema.json
 * anew: `npx vitest run --project fast packages/server/src/config-documents.test.ts -u`.
 */
import { availableParallelism, homedir, userInfo } from "node:os";
import { isAbsolute, join } from "node:path";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { imageKeys } from "./config-images.js";
import { networkKeys } from "./config-network.js";
import { IssuerUrl, Oidc } from "./config-oidc.js";
import { previewKeys } from "./config-previews.js";
import { tcpPortKeys } from "./config-tcp-ports.js";
import { type CrashPointName, crashPoints } from "./control/crash-points.js";

const AbsolutePath = z.string().min(1).refine(isAbsolute, "must be an absolute path").meta({ pattern: "^/" });
const gibibyte = 1_073_741_824;

/** `name` or `name:n`, for the crash tests. */
const CrashAt = z
  .string()
  .regex(/^[a-zA-Z.]+(?::[1-9]\d{0,3})?$/, "must be a crash point, or one with a count: create.afterStart:2")
  .transform((text) => {
    const [name = "", passage = "1"] = text.split(":");
    return { name: name as CrashPointName, passage: Number(passage) };
  })
  .refine(({ name }) => crashPoints.includes(name), `must name one of ${crashPoints.join(", ")}`);

/** The descriptions are what docs/configuration.md and the published schema say. */
export const Config = z.strictObject({
  dataDirectory: AbsolutePath.describe(
    "Sandboxes' disks, templates, images and the database. An absolute path on a local ext4, xfs or btrfs disk",
  ),
  runtimeDirectory: AbsolutePath.describe(
    "Sockets and the file with the process id; a short absolute path. SDK and CLI look there too, but only by the variable",
  ),
  guestDirectory: AbsolutePath.describe("Kernel, initramfs and agent of the guests"),
  recipesDirectory: AbsolutePath.describe("Recipes of images, and the catalogue"),
  ...imageKeys,
  engine: z
    .enum(["auto", "microvm", "fake"])
    .describe("`auto`: the strongest there is, today `microvm`. `fake` has no boundary: for tests"),
  maxConcurrentCreates: z
    .number()
    .int()
    .min(1)
    .max(256)
    .describe("Sandboxes that start at the same time; the others wait"),
  queueTimeoutMs: z
    .number()
    .int()
    .min(1_000)
    .max(86_400_000)
    .describe("How long a creation may wait for room on the host"),
  reservedMemoryMiB: z.number().int().min(0).max(1_048_576).describe("Memory of the host that is not for sandboxes"),
  memoryOvercommit: z
    .number()
    .min(0.1)
    .max(16)
    .describe("How often the rest may be promised: 1.5 promises half of it twice"),
  freeSpaceMarkBytes: z
    .number()
    .int()
    .min(0)
    .max(Number.MAX_SAFE_INTEGER)
    .describe("No sandbox is created while less is free on the disk of the data directory"),
  templatesMaximumBytes: z
    .number()
    .int()
    .min(0)
    .max(Number.MAX_SAFE_INTEGER)
    .describe(
      "What templates may take of the disk: beyond it the least lately used go, but for those that sandboxes or snapshots stand on",
    ),
  compressAfterMs: z
    .number()
    .int()
    .min(0)
    .max(2_592_000_000)
    .describe("How long a sandbox is suspended before its kept memory is compressed; 0: never"),
  usageRetentionDays: z.number().int().min(1).max(3_650).describe("How long records of what groups used are kept"),
  logLevel: z.enum(["trace", "debug", "info", "warn", "error", "fatal"]).describe("The least that is logged"),
  logFormat: z.enum(["json", "text"]).describe("A record as a line of JSON, for programs, or of text, for people"),
  logDestination: z
    .enum(["auto", "file", "stderr"])
    .describe(
      "`file`: `alcoved.log` in the data directory, put aside as `alcoved.log.1` at 16 MiB. `auto`: `file` where standard error is a plain file, as when `alcove up` started the daemon, else `stderr`",
    ),
  ...networkKeys,
  ...previewKeys,
  ...tcpPortKeys,
  oidc: Oidc.optional().describe(
    "An OIDC issuer whose bearer tokens are taken on TCP, and what their claims mean; JSON in the variable. See access.md",
  ),
  issuerUrl: IssuerUrl.optional().describe(
    "The URL under which others reach this daemon, and by which they know the tokens of its groups: see identity.md. Default: that of `listen`, where it is one address",
  ),
  auditKept: z
    .number()
    .int()
    .min(1_000)
    .max(10_000_000)
    .describe("Records of the audit log that are kept, of the server and of each group"),
  egressDecisionFileBytes: z
    .number()
    .int()
    .min(1_048_576)
    .max(17_179_869_184)
    .describe(
      "The file of decisions about egress, `egress/decisions.jsonl` in the data directory, is put aside at so many bytes",
    ),
  egressDecisionFiles: z
    .number()
    .int()
    .min(1)
    .max(1_000)
    .describe("How many such files there are, with the one that is written to; the oldest is deleted"),
  secretsKeyFile: AbsolutePath.optional().describe(
    "The file with the key that secrets are encrypted with: 64 hexadecimal digits. It is made when it is needed first; keep a copy, for no backup has it",
  ),
  metricsTokenFile: AbsolutePath.optional().describe(
    "A file whose only line is a bearer token that reads `/metrics`, and nothing else; see observability.md",
  ),
  traces: z
    .enum(["off", "otlp"])
    .describe(
      "`otlp`: spans of API calls go to a collector, by OTLP over HTTP, as the variables `OTEL_…` of OpenTelemetry say; see observability.md",
    ),
  crashAt: CrashAt.optional().describe("For the crash tests: the daemon kills itself where it is told to"),
});
export type Config = z.output<typeof Config>;

export type Key = keyof Config;
export type Environment = Readonly<Record<string, string | undefined>>;

/** Where each key is read from in the environment. */
export const variables = {
  dataDirectory: "ALCOVE_DATA_DIR",
  runtimeDirectory: "ALCOVE_RUNTIME_DIR",
  guestDirectory: "ALCOVE_GUEST_DIR",
  recipesDirectory: "ALCOVE_RECIPES_DIR",
  catalogueFile: "ALCOVE_CATALOGUE_FILE",
  catalogueRegistry: "ALCOVE_CATALOGUE_REGISTRY",
  allowedRegistries: "ALCOVE_ALLOWED_REGISTRIES",
  insecureRegistries: "ALCOVE_INSECURE_REGISTRIES",
  registryCertificates: "ALCOVE_REGISTRY_CERTIFICATES",
  imageBuildTimeoutMs: "ALCOVE_IMAGE_BUILD_TIMEOUT_MS",
  engine: "ALCOVE_ENGINE",
  maxConcurrentCreates: "ALCOVE_MAX_CONCURRENT_CREATES",
  queueTimeoutMs: "ALCOVE_QUEUE_TIMEOUT_MS",
  reservedMemoryMiB: "ALCOVE_RESERVED_MEMORY_MIB",
  memoryOvercommit: "ALCOVE_MEMORY_OVERCOMMIT",
  freeSpaceMarkBytes: "ALCOVE_FREE_SPACE_MARK_BYTES",
  templatesMaximumBytes: "ALCOVE_TEMPLATES_MAXIMUM_BYTES",
  compressAfterMs: "ALCOVE_COMPRESS_AFTER_MS",
  usageRetentionDays: "ALCOVE_USAGE_RETENTION_DAYS",
  logLevel: "ALCOVE_LOG_LEVEL",
  logFormat: "ALCOVE_LOG_FORMAT",
  logDestination: "ALCOVE_LOG_DESTINATION",
  listen: "ALCOVE_LISTEN",
  tls: "ALCOVE_TLS",
  tlsCertificate: "ALCOVE_TLS_CERTIFICATE",
  tlsKey: "ALCOVE_TLS_KEY",
  allowedHosts: "ALCOVE_ALLOWED_HOSTS",
  trustedOrigins: "ALCOVE_TRUSTED_ORIGINS",
  previewListen: "ALCOVE_PREVIEW_LISTEN",
  previewDomain: "ALCOVE_PREVIEW_DOMAIN",
  previewUrl: "ALCOVE_PREVIEW_URL",
  previewTls: "ALCOVE_PREVIEW_TLS",
  previewTlsCertificate: "ALCOVE_PREVIEW_TLS_CERTIFICATE",
  previewTlsKey: "ALCOVE_PREVIEW_TLS_KEY",
  previewSignIn: "ALCOVE_PREVIEW_SIGN_IN",
  trustedProxies: "ALCOVE_TRUSTED_PROXIES",
  tcpPortsListen: "ALCOVE_TCP_PORTS_LISTEN",
  tcpPortsHost: "ALCOVE_TCP_PORTS_HOST",
  oidc: "ALCOVE_OIDC",
  issuerUrl: "ALCOVE_ISSUER_URL",
  auditKept: "ALCOVE_AUDIT_KEPT",
  egressDecisionFileBytes: "ALCOVE_EGRESS_DECISION_FILE_BYTES",
  egressDecisionFiles: "ALCOVE_EGRESS_DECISION_FILES",
  secretsKeyFile: "ALCOVE_SECRETS_KEY_FILE",
  metricsTokenFile: "ALCOVE_METRICS_TOKEN_FILE",
  traces: "ALCOVE_TRACES",
  crashAt: "ALCOVE_CRASH_AT",
} as const satisfies Record<Key, string>;

/** Defaults that are the same on every host. */
export const fixedDefaults = {
  allowedRegistries: [] as string[],
  insecureRegistries: [] as string[],
  imageBuildTimeoutMs: 1_800_000,
  engine: "auto",
  queueTimeoutMs: 120_000,
  reservedMemoryMiB: 1_024,
  memoryOvercommit: 1.5,
  freeSpaceMarkBytes: gibibyte,
  templatesMaximumBytes: 20 * gibibyte,
  compressAfterMs: 300_000,
  usageRetentionDays: 90,
  logLevel: "info",
  logFormat: "json",
  logDestination: "auto",
  auditKept: 100_000,
  egressDecisionFileBytes: 67_108_864,
  egressDecisionFiles: 8,
  tls: "auto",
  allowedHosts: [] as string[],
  trustedOrigins: [] as string[],
  previewDomain: "localhost",
  previewTls: "off",
  trustedProxies: [] as string[],
  traces: "off",
} as const satisfies Partial<z.input<typeof Config>>;

/** Defaults that depend on the host and its user. */
export function hostDefaults({ XDG_RUNTIME_DIR }: Environment) {
  const runtimeOfUser = XDG_RUNTIME_DIR ? join(XDG_RUNTIME_DIR, "alcove") : `/tmp/alcove-${userInfo().uid}`;
  return {
    dataDirectory: isRoot() ? "/var/lib/alcove" : join(homedir(), ".local/share/alcove"),
    runtimeDirectory: isRoot() ? "/run/alcove" : runtimeOfUser,
    guestDirectory: inCheckout("build/guest"),
    recipesDirectory: inCheckout("images"),
    maxConcurrentCreates: Math.max(2, availableParallelism()),
  } satisfies Partial<z.input<typeof Config>>;
}

export function isRoot(): boolean {
  return userInfo().uid === 0;
}

/** This file is packages/server/dist/config.js of the checkout. */
function inCheckout(path: string): string {
  return fileURLToPath(new URL(`../../../${path}`, import.meta.url));
}
