/** A sandbox's lifecycle policy; the route is ACA's. */
import { endpoint } from "./endpoint.js";
import { UpdateLifecycle } from "./lifecycle.js";
import { NoQuery, Sandbox, SandboxParams } from "./sandboxes.js";

export const setLifecycle = endpoint({
  id: "setLifecycle",
  method: "POST",
  path: "/v1/groups/:group/sandboxes/:id/lifecycle",
  access: "user",
  summary: "Change when a sandbox is suspended and deleted by itself",
  description:
    "Each part that is given replaces that part of its policy; a part that is left out stays. A time that is over already counts at once.",
  params: SandboxParams,
  query: NoQuery,
  body: UpdateLifecycle,
  result: Sandbox,
  errors: ["SandboxNotFound"],
  isIdempotent: true,
});
