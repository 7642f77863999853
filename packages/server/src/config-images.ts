/** What the configuration says about images and the registries that they come from. */
import { isAbsolute } from "node:path";
import { z } from "zod";
import { Registry } from "./images/registry/reference.js";

const Path = z.string().refine(isAbsolute, "must be an absolute path").meta({ pattern: "^/" });
/** A host with an optional port; `*.` before it means all below it. */
const RegistryPattern = z
  .string()
  .refine(
    (text) => Registry.safeParse(text.replace(/^\*\./, "")).success,
    "must be hosts such as registry.example.com:5000",
  );

export const imageKeys = {
  catalogueFile: Path.optional().describe("More names for the catalogue of images, see images.md"),
  catalogueRegistry: Registry.optional().describe(
    "The registry of references that name none, the catalogue's among them: `registry.example.com`, with its port where it has one",
  ),
  allowedRegistries: z
    .array(RegistryPattern)
    .max(256)
    .describe(
      "Registries that may be pulled from, `*.example.com` for all below it; comma-separated in the variable. Empty: any that has no link-local address; those on this machine only for administrators",
    ),
  insecureRegistries: z
    .array(RegistryPattern)
    .max(256)
    .describe(
      "Registries that may do without TLS, or whose certificate is not looked at; comma-separated in the variable. One on this machine may do without TLS anyway, and is there for everybody once it is named",
    ),
  registryCertificates: Path.optional().describe(
    "A directory with certificates of authorities, `*.crt`, that registries may have theirs from, beside the system's",
  ),
  imageBuildTimeoutMs: z
    .number()
    .int()
    .min(1_000)
    .max(86_400_000)
    .describe("How long the build of a Dockerfile may take, its base images included"),
};
