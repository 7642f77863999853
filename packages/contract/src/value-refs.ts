/** Values that stand elsewhere, as ACA's `valueRef`: a key of one of the group's secrets, or a token of the group's identity. */
import * as z from "zod";
import { EnvironmentName, SecretId, SecretKey } from "./names.js";

const Format = z
  .string()
  .max(1_024)
  .regex(/^[ -~]*\{value\}[ -~]*$/, "must be printable ASCII with {value} in it")
  .refine((format) => format.split("{value}").length === 2, {
    message: "must hold {value} once",
    params: { hint: "Write it once: Bearer {value}." },
  })
  .describe("What the value is put into, such as `Bearer {value}`. Default: the value alone");

export const SecretRef = z
  .strictObject({
    secretId: SecretId,
    secretKey: SecretKey.optional().describe("May be left out where the secret has one key"),
    format: Format.optional(),
  })
  .meta({ id: "SecretRef" });
export type SecretRef = z.infer<typeof SecretRef>;

/** Whom a token is for: a URI or another name, as the service that takes it has it. */
export const Audience = z
  .string()
  .min(1)
  .max(512)
  .regex(/^[!-~]+$/, "must be printable ASCII without spaces")
  .meta({ id: "Audience" });

export const IdentityRef = z
  .strictObject({
    /** One of the audiences that the group's identity allows. */
    resource: Audience,
    format: Format.optional().describe("Default `Bearer {value}`"),
  })
  .meta({ id: "IdentityRef" });
export type IdentityRef = z.infer<typeof IdentityRef>;

export const ValueRef = z
  .strictObject({ secretRef: SecretRef.optional(), managedIdentityRef: IdentityRef.optional() })
  .refine(({ secretRef, managedIdentityRef }) => (secretRef === undefined) !== (managedIdentityRef === undefined), {
    message: "must be either a secretRef or a managedIdentityRef",
    params: { hint: "Give one of the two." },
  })
  .meta({ id: "ValueRef" });
export type ValueRef = z.infer<typeof ValueRef>;

/** Variables of a sandbox that stand for keys of the group's secrets, at most 64. */
export const SandboxSecrets = z
  .record(
    EnvironmentName,
    z.strictObject({
      secretId: SecretId,
      secretKey: SecretKey.optional().describe("May be left out where the secret has one key"),
      delivery: z
        .enum(["Placeholder", "Value"])
        .optional()
        .describe(
          "Placeholder, the default: a text that means nothing, in whose place the gateway puts the value on the way to the secret's hosts. Value: the value itself, which is then in the sandbox's memory, and in its snapshots; of secrets without hosts alone",
        ),
    }),
  )
  .refine((secrets) => Object.keys(secrets).length <= 64, "must have at most 64 entries")
  .meta({ id: "SandboxSecrets" });
export type SandboxSecrets = z.infer<typeof SandboxSecrets>;

/** How settings of the gateway name a secret's value: `ID`, or `ID/KEY` where the reference says the key. */
export function nameOfSecret({ secretId, secretKey }: Pick<SecretRef, "secretId" | "secretKey">): string {
  return secretKey === undefined ? secretId : `${secretId}/${secretKey}`;
}

/** As sentences name it. */
export function sourceOf({ secretRef, managedIdentityRef }: ValueRef): string {
  if (secretRef !== undefined) return `the secret ${nameOfSecret(secretRef)}`;
  return `a token for ${managedIdentityRef?.resource}`;
}
