/** Ids and names that appear in paths and bodies. */
import * as z from "zod";

const uuidPattern = /^[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

/** Lower-case UUID, given by the server. */
export const SandboxId = z.string().regex(uuidPattern, "must be a lower-case UUID").meta({ id: "SandboxId" });
export type SandboxId = z.infer<typeof SandboxId>;

/** Lower-case UUID, given by the server. */
export const SnapshotId = z.string().regex(uuidPattern, "must be a lower-case UUID").meta({ id: "SnapshotId" });

/** Lower-case UUID, given by the server. */
export const ExecId = z.string().regex(uuidPattern, "must be a lower-case UUID").meta({ id: "ExecId" });
export type ExecId = z.infer<typeof ExecId>;

/** 1–32 letters, digits and hyphens, not beginning with a hyphen (ACA's rule for sandbox groups). */
export const GroupName = z
  .string()
  .regex(/^(?![.-])[A-Za-z0-9-]{1,32}$/, "must be 1 to 32 letters, digits or hyphens, not beginning with a hyphen")
  .meta({ id: "GroupName" });

/** Name of one of a group's egress policies. */
export const EgressPolicyId = z
  .string()
  .regex(
    /^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/,
    "must be 1 to 63 letters, digits, dots, underscores or hyphens, beginning and ending with a letter or digit",
  )
  .meta({ id: "EgressPolicyId" });

/** Name of one of a group's secrets: 3 to 64 letters, digits and hyphens (ACA's rule). */
export const SecretId = z
  .string()
  .regex(
    /^[A-Za-z0-9](?:[A-Za-z0-9-]{1,62}[A-Za-z0-9])$/,
    "must be 3 to 64 letters, digits or hyphens, beginning and ending with a letter or digit",
  )
  .meta({ id: "SecretId" });

/** One of the values of a secret. */
export const SecretKey = z
  .string()
  .regex(/^[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,62})$/, "must be 1 to 63 letters, digits, dots, underscores or hyphens")
  .meta({ id: "SecretKey" });

/** Name of one of a group's volumes. */
export const VolumeName = z
  .string()
  .regex(
    /^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/,
    "must be 1 to 63 letters, digits, dots, underscores or hyphens, beginning and ending with a letter or digit",
  )
  .meta({ id: "VolumeName" });

/** Name of one of a group's upstream routes. */
export const RouteName = z
  .string()
  .regex(
    /^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/,
    "must be 1 to 63 letters, digits, dots, underscores or hyphens, beginning and ending with a letter or digit",
  )
  .meta({ id: "RouteName" });

/** Name of an image, as in a registry: lower case, with an optional tag. */
export const ImageName = z
  .string()
  .regex(
    /^[a-z0-9]+(?:[._/-][a-z0-9]+)*(?::[A-Za-z0-9_][A-Za-z0-9._-]{0,127})?$/,
    "must be an image name such as debian or team/tools:1.2",
  )
  .max(255)
  .meta({ id: "ImageName" });

export const LabelKey = z
  .string()
  .regex(
    /^[A-Za-z0-9](?:[A-Za-z0-9._/-]{0,61}[A-Za-z0-9])?$/,
    "must be 1 to 63 letters, digits, dots, underscores, slashes or hyphens",
  );
const LabelValue = z
  .string()
  .max(63, "must have at most 63 characters")
  .refine((value) => !hasControl(value), "must hold no control characters");

export const maximumLabels = 64;

/** At most 64 labels; values at most 63 characters (ACA's limit), empty allowed. */
export const Labels = z
  .record(LabelKey, LabelValue)
  .refine((labels) => Object.keys(labels).length <= maximumLabels, "must have at most 64 entries")
  .meta({ id: "Labels" });
export type Labels = z.infer<typeof Labels>;

/** Changes of labels, merged into what is there: a value sets, null takes the label away. */
export const LabelChanges = z
  .record(LabelKey, z.union([LabelValue, z.null()]))
  .refine((changes) => Object.keys(changes).length <= 128, "must have at most 128 entries")
  .meta({ id: "LabelChanges" });
export type LabelChanges = z.infer<typeof LabelChanges>;

/** `key=value,key2=value2`: all must be equal; in queries. */
export const LabelSelector = z
  .string()
  .max(4096)
  .refine((text) => parseLabelSelector(text) !== undefined, "must be key=value pairs with commas between them")
  .meta({ id: "LabelSelector" });

export function parseLabelSelector(text: string): Labels | undefined {
  const labels: Record<string, string> = {};
  for (const pair of text.split(",")) {
    const at = pair.indexOf("=");
    if (at <= 0) return undefined;
    const key = pair.slice(0, at).trim();
    // A name that an object hides would leave a selector of less than what was asked for.
    if (!LabelKey.safeParse(key).success) return undefined;
    labels[key] = pair.slice(at + 1).trim();
  }
  return Labels.safeParse(labels).success ? labels : undefined;
}

/** An absolute path in the guest: at most 4,096 bytes, no NUL. */
export const GuestPath = z
  .string()
  .refine((path) => path.startsWith("/"), "must be an absolute path")
  .refine((path) => !path.includes("\0"), "must not hold a NUL byte")
  .refine((path) => new TextEncoder().encode(path).length <= 4096, "must have at most 4096 bytes")
  .meta({ id: "GuestPath" });

export const EnvironmentName = z
  .string()
  .regex(/^[A-Za-z_][A-Za-z0-9_]*$/, "must be a name that a shell takes")
  .max(255);

/** Names of a sandbox's secrets, at most 256. */
export const SecretNames = z.array(EnvironmentName).max(256).meta({ id: "SecretNames" });

/** Environment: names as the shell takes them, no NUL, at most 64 KiB in all. */
export const Environment = z
  .record(
    EnvironmentName,
    z.string().refine((value) => !value.includes("\0"), "must not hold a NUL byte"),
  )
  .refine((environment) => JSON.stringify(environment).length <= 65_536, "must have at most 64 KiB in all")
  .meta({ id: "Environment" });

/** Query flags: `true` or `false`, as text. */
export const Flag = z
  .enum(["true", "false"])
  .transform((text) => text === "true")
  .pipe(z.boolean());

/** Whole numbers in queries, as text. */
export const wholeNumber = (minimum: number, maximum: number) =>
  z
    .string()
    .regex(/^\d{1,16}$/, "must be a whole number")
    .transform(Number)
    .pipe(z.number().int().min(minimum).max(maximum));

export function hasControl(text: string): boolean {
  return [...text].some((character) => character < " " || character === "\u007f");
}
