/** The JSON of an image, as OCI and Docker write it: parsed, bounded, before anything in it is believed. */
import { AlcoveError, type ImageConfig } from "@alcove/contract";
import { z } from "zod";

export const maximumDocumentBytes = 4 * 1_048_576;
const maximumLayers = 512;

export const Digest = z.string().regex(/^sha256:[0-9a-f]{64}$/, "must be sha256: and 64 hex digits");

const Platform = z.object({ architecture: z.string(), os: z.string(), variant: z.string().optional() });

export const Descriptor = z.object({
  mediaType: z.string().optional(),
  digest: Digest,
  size: z.int().min(0),
  platform: Platform.optional(),
  annotations: z.record(z.string(), z.string()).nullish(),
});
export type Descriptor = z.infer<typeof Descriptor>;

export const Index = z.object({ schemaVersion: z.literal(2), manifests: z.array(Descriptor).max(1_024) });
export type Index = z.infer<typeof Index>;

export const Manifest = z.object({
  schemaVersion: z.literal(2),
  config: Descriptor,
  layers: z.array(Descriptor).max(maximumLayers),
});
export type Manifest = z.infer<typeof Manifest>;

const Words = z.array(z.string().max(131_072)).max(1_024).nullish();
const Config = z.object({
  architecture: z.string().max(64).optional(),
  os: z.string().max(64).optional(),
  config: z
    .object({
      Entrypoint: Words,
      Cmd: Words,
      Env: z.array(z.string().max(131_072)).max(4_096).nullish(),
      User: z.string().max(256).nullish(),
      WorkingDir: z.string().max(4_096).nullish(),
      ExposedPorts: z.record(z.string().max(64), z.unknown()).nullish(),
    })
    .nullish(),
  rootfs: z.object({ type: z.literal("layers"), diff_ids: z.array(Digest).max(maximumLayers) }),
});
export type ConfigDocument = z.infer<typeof Config>;

/** One entry of a docker archive's manifest.json. */
export const DockerManifest = z
  .array(
    z.object({
      Config: z.string().min(1).max(1_024),
      RepoTags: z.array(z.string()).nullish(),
      Layers: z.array(z.string().min(1).max(1_024)).max(maximumLayers),
    }),
  )
  .max(1_024);

export function parseDocument<T>(schema: z.ZodType<T>, what: string, text: string): T {
  if (text.length > maximumDocumentBytes) throw bad(`${what} has more than ${maximumDocumentBytes} bytes.`);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw bad(`${what} is no JSON.`);
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw bad(`${what} is not as it should be: ${issue?.path.join(".") || "it"} ${issue?.message ?? ""}.`);
}

/** A config for Linux whose layers are as many as the manifest's. */
export function parseConfig(text: string, layerCount: number): ConfigDocument {
  const config = parseDocument(Config, "The image's config", text);
  if (config.os !== undefined && config.os !== "" && config.os !== "linux")
    throw bad(`The image is for ${config.os.slice(0, 40)}; sandboxes run Linux.`);
  if (config.rootfs.diff_ids.length !== layerCount) {
    throw bad(`The image's config has ${config.rootfs.diff_ids.length} layers, its manifest ${layerCount}.`);
  }
  return config;
}

const variableName = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** What is honoured of it. Variables that no shell could name are left out. */
export function imageConfigOf({ architecture, config }: ConfigDocument): ImageConfig {
  const variables = (config?.Env ?? []).flatMap((entry): [string, string][] => {
    const at = entry.indexOf("=");
    const [name, value] = at < 0 ? [entry, ""] : [entry.slice(0, at), entry.slice(at + 1)];
    return variableName.test(name) && !value.includes("\0") ? [[name, value]] : [];
  });
  const { User: user, WorkingDir: workingDirectory } = config ?? {};
  return {
    entrypoint: withoutNul(config?.Entrypoint),
    cmd: withoutNul(config?.Cmd),
    environment: Object.fromEntries(variables),
    exposedPorts: Object.keys(config?.ExposedPorts ?? {}).filter((port) =>
      /^\d{1,5}(?:\/(?:tcp|udp|sctp))?$/.test(port),
    ),
    ...(user ? { user: refuseOddUser(user) } : {}),
    ...(workingDirectory?.startsWith("/") && !workingDirectory.includes("\0") ? { workingDirectory } : {}),
    ...(architecture ? { architecture } : {}),
  };
}

function withoutNul(words: readonly string[] | null | undefined): string[] {
  if (words?.some((word) => word.includes("\0"))) throw bad("The image's entrypoint or cmd holds a NUL byte.");
  return [...(words ?? [])];
}

function refuseOddUser(user: string): string {
  if (/^[A-Za-z0-9_][A-Za-z0-9_.$-]*(?::[A-Za-z0-9_][A-Za-z0-9_.$-]*)?$/.test(user)) return user;
  throw bad("The image's user is no name or number.");
}

export function bad(sentence: string): AlcoveError {
  return new AlcoveError("InvalidRequest", sentence, { hint: "Make the image anew, or use another one." });
}
