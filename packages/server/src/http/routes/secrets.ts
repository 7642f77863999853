import { deleteSecret, getSecret, listSecretKeys, listSecrets, peekSecret, putSecret } from "@alcove/contract";
import type { SecretControl } from "../../control/secrets/secret-control.js";
import { route } from "../route.js";
import type { RouteTable } from "../route-table.js";

export function secretRoutes(routes: RouteTable, secrets: SecretControl): void {
  route(routes, listSecrets, async ({ params }) => [...(await secrets.list(params.group))]);
  route(routes, getSecret, ({ params }) => secrets.get(params));
  route(routes, listSecretKeys, async ({ params }) => (await secrets.get(params)).keys);
  route(routes, putSecret, ({ params, body }) => secrets.put(params, body));
  route(routes, peekSecret, ({ params, body }) => secrets.peek(params, body.version));
  route(routes, deleteSecret, ({ params }) => secrets.delete(params));
}
