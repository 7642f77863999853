/** Templates: machines that have booted for one image and size, kept as files; sandboxes start from them. Of the whole server. */
import * as z from "zod";
import { endpoint } from "./endpoint.js";

const Nothing = z.strictObject({});

export const TemplateKey = z
  .string()
  .regex(/^[0-9a-f]{8,64}$/, "must be 8 to 64 hexadecimal digits")
  .meta({ id: "TemplateKey" });

export const Template = z
  .object({
    key: TemplateKey,
    /** The name that its image had when it was made. */
    image: z.string(),
    /** Missing of a template that an older Alcove made. */
    resources: z.object({ cpu: z.string(), memory: z.string(), disk: z.string() }).exactOptional(),
    /** On the host's disk; holes take nothing. */
    bytes: z.number(),
    createdAt: z.iso.datetime(),
    /** When something started from it last, to the minute; when it was made, where nothing did. */
    lastUsedAt: z.iso.datetime(),
    /** Sandboxes can start from it: its image is there, and QEMU, kernel, agent and processor are those that it was made with. */
    isCurrent: z.boolean(),
    /** How many sandboxes and snapshots stand on it, running or not. */
    users: z.number().int(),
    /** Their ids, at most 100. */
    usedBy: z.array(z.string()),
  })
  .meta({ id: "Template" });
export type Template = z.infer<typeof Template>;

export const PruneTemplates = z
  .strictObject({
    /** Only answers what would go. */
    dryRun: z.boolean().optional(),
  })
  .meta({ id: "PruneTemplates" });

export const PrunedTemplates = z
  .object({ removed: z.array(Template), freedBytes: z.number() })
  .meta({ id: "PrunedTemplates" });
export type PrunedTemplates = z.infer<typeof PrunedTemplates>;

const params = z.strictObject({ key: TemplateKey });

export const listTemplates = endpoint({
  id: "listTemplates",
  method: "GET",
  path: "/v1/templates",
  access: "admin",
  summary: "List the templates that sandboxes start from, the most lately used first",
  params: Nothing,
  query: Nothing,
  body: "none",
  result: z.array(Template),
  errors: ["EngineUnavailable"],
});

export const pruneTemplates = endpoint({
  id: "pruneTemplates",
  method: "POST",
  path: "/v1/templates/prune",
  access: "admin",
  summary: "Remove the templates that nothing stands on",
  description: "Each is made anew when a sandbox of its image and size is created next, which takes as long as a boot.",
  params: Nothing,
  query: Nothing,
  body: PruneTemplates,
  result: PrunedTemplates,
  errors: ["EngineUnavailable"],
});

export const rebuildTemplate = endpoint({
  id: "rebuildTemplate",
  method: "POST",
  path: "/v1/templates/:key/rebuild",
  access: "admin",
  summary: "Make a template anew",
  description:
    "Answers the new one when sandboxes can start from it. What stands on the old one goes on standing on it; it goes with the last of them.",
  params,
  query: Nothing,
  body: Nothing,
  result: Template,
  errors: ["TemplateNotFound", "ImageNotReady", "EngineUnavailable", "DiskFull"],
});

export const deleteTemplate = endpoint({
  id: "deleteTemplate",
  method: "DELETE",
  path: "/v1/templates/:key",
  access: "admin",
  summary: "Remove a template that nothing stands on",
  description: "One that is gone succeeds too. It is made anew when it is needed.",
  params,
  query: Nothing,
  body: "none",
  result: "none",
  errors: ["TemplateInUse", "EngineUnavailable"],
});
