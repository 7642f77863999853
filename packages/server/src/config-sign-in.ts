/** What the configuration says about signing in to previews. */
import { isAbsolute } from "node:path";
import { z } from "zod";
import { Issuer } from "./config-oidc.js";

export const PreviewSignIn = z.strictObject({
  /** Left out: that of `oidc`. */
  issuer: Issuer.optional(),
  /** As the provider knows this server, and its only redirect URI: that of `callback` in the log. */
  clientId: z.string().min(1).max(500),
  /** Its only line is the client's secret. */
  clientSecretFile: z.string().refine(isAbsolute, "must be an absolute path").meta({ pattern: "^/" }),
  /** How long somebody is signed in to one preview. Default: 8 hours. */
  sessionSeconds: z.number().int().min(60).max(604_800).default(28_800),
});
export type PreviewSignInConfig = z.output<typeof PreviewSignIn>;

export interface SignInConfig {
  readonly previewSignIn?: PreviewSignInConfig | undefined;
  readonly oidc?: { readonly issuer: string } | undefined;
}

/** What is wrong between keys, with the key to correct. */
export function signInFault(config: SignInConfig): { readonly key: string; readonly message: string } | undefined {
  if (config.previewSignIn === undefined || issuerOf(config) !== undefined) return undefined;
  return { key: "previewSignIn", message: "must have an issuer where oidc is not configured, which would name one" };
}

export function issuerOf({ previewSignIn, oidc }: SignInConfig): string | undefined {
  return previewSignIn?.issuer ?? oidc?.issuer;
}
