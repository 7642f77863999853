/** Who calls, and whether it may: the one place that answers both, for requests and WebSockets alike. */
import type { IncomingMessage } from "node:http";
import { type Access, AlcoveError } from "@alcove/contract";
import type { AccessControl, Caller, Demand } from "../control/control.js";
import { groupNotFound } from "../control/gate.js";
import { bearerToken } from "./bearer.js";
import type { Door } from "./door.js";
import type { Match } from "./route-table.js";

export interface Guard {
  /** The caller, undefined for nobody in particular. Unauthorized, Forbidden, or GroupNotFound where it may not see the group. */
  admit(door: Door, request: IncomingMessage, match: Match): Promise<Caller | undefined>;
}

export function createGuard(access: AccessControl): Guard {
  return {
    async admit(door, request, { route, params }) {
      const token = bearerToken(request);
      const caller = token === undefined ? door.caller : await access.authenticate(token);
      // A token that is not valid gets nothing, not even what nobody needs one for.
      if (token !== undefined && caller === undefined) throw new AlcoveError("Unauthorized");
      demandRight(access, caller, { access: route.endpoint.access, group: params.group });
      return caller;
    },
  };
}

function demandRight(access: AccessControl, caller: Caller | undefined, demand: Demand): void {
  const verdict = access.decide(caller, demand);
  if (verdict === "unknown") throw new AlcoveError("Unauthorized");
  if (verdict === "hidden") throw groupNotFound(demand.group ?? "");
  if (verdict === "forbidden") throw forbidden(demand);
}

function forbidden({ access, group }: Demand): AlcoveError {
  const needed: Partial<Record<Access, string>> = { admin: "This needs an administrator of the server." };
  return new AlcoveError("Forbidden", needed[access] ?? `This needs the role ${access} in the group ${group}.`);
}
