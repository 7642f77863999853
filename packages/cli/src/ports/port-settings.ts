/** Who may come to a port, and from where, as options. */
import { type AddPort, type PortIpAccessControl, type PortOidc, readRange, type SandboxPort } from "@alcove/contract";
import type { PortChanges } from "alcove";
import { type Command, InvalidArgumentError, Option } from "commander";
import { names } from "../option-values.js";

export interface PortSettings {
  readonly protocol?: "http" | "tcp";
  readonly anonymous?: boolean;
  readonly email?: readonly string[];
  readonly emailSuffix?: readonly string[];
  readonly subject?: readonly string[];
  readonly signedIn?: true;
  readonly activation?: "on-demand" | "manual";
  readonly allow?: readonly string[];
  readonly deny?: readonly string[];
  readonly corsOrigin?: readonly string[];
}

const protocols = { http: "Http", tcp: "Tcp" } as const;
const activationModes = { "on-demand": "OnDemand", manual: "Manual" } as const;

export function addPortSettings(command: Command): Command {
  const activation = "what a visit does to a sandbox that sleeps: on-demand wakes it, manual says that it sleeps";
  const protocol = "what the program speaks: http, the default, or tcp, which gets a port of the server's";
  return command
    .addOption(new Option("--protocol <protocol>", protocol).choices(Object.keys(protocols)))
    .option("--anonymous", "everybody may come, without a key or a link")
    .option("--email <address>", "who signs in with this verified address may come; repeat for more", names)
    .option("--email-suffix <domain>", "who signs in with a verified address there may come; repeat for more", names)
    .option("--subject <name>", "whom the provider has under this name may come; repeat for more", names)
    .option("--signed-in", "whoever the provider signs in may come")
    .addOption(new Option("--activation <mode>", activation).choices(Object.keys(activationModes)))
    .option("--allow <range>", "only addresses of these ranges may come, such as 10.0.0.0/8; repeat for more", ranges)
    .option("--deny <range>", "addresses of these ranges may not come, whatever is allowed; repeat for more", ranges)
    .option("--cors-origin <origin>", "pages of this origin may call it; repeat for more", names);
}

/** What is given of them. */
export function settingsOf(settings: PortSettings): Omit<AddPort, "port"> {
  const { protocol, anonymous, activation, allow, deny, corsOrigin } = settings;
  const oidc = oidcOf(settings);
  const auth = { ...(anonymous !== undefined && { anonymous }), ...(oidc && { oidc }) };
  return {
    ...(protocol !== undefined && { protocol: protocols[protocol] }),
    ...(Object.keys(auth).length > 0 && { auth }),
    ...(activation !== undefined && { activationMode: activationModes[activation] }),
    ...((allow !== undefined || deny !== undefined) && { ipAccessControl: accessOf(allow, deny) }),
    ...(corsOrigin !== undefined && { cors: { allowOrigins: [...corsOrigin] } }),
  };
}

/** As changes of a port that is there: the server takes each of the two as a whole, and what options do not say of it stays. */
export function keepingRestOf(
  { ipAccessControl, cors }: Pick<SandboxPort, "ipAccessControl" | "cors">,
  changes: PortChanges,
): PortChanges {
  return {
    ...changes,
    ...(changes.ipAccessControl && { ipAccessControl: withRest(changes.ipAccessControl, ipAccessControl) }),
    ...(changes.cors && { cors: { ...cors, ...changes.cors } }),
  };
}

/** Of allowing and denying the one that is given takes the place of what was there. */
function withRest(given: PortIpAccessControl, before: PortIpAccessControl = given): PortIpAccessControl {
  const ofAction = (action: "Allow" | "Deny") => {
    const rules = (given.rules ?? []).filter((rule) => rule.action === action);
    return rules.length > 0 ? rules : inOrder(before.rules).filter((rule) => rule.action === action);
  };
  const rules = [...ofAction("Deny"), ...ofAction("Allow")].map((rule, priority) => ({ ...rule, priority }));
  return { defaultAction: given.defaultAction === "Deny" ? "Deny" : before.defaultAction, rules };
}

function inOrder(rules: PortIpAccessControl["rules"] = []) {
  return rules.toSorted((one, other) => one.priority - other.priority);
}

function oidcOf({ email, emailSuffix, subject, signedIn }: PortSettings): PortOidc | undefined {
  const oidc = {
    ...(email && { emails: [...email] }),
    ...(emailSuffix && { emailSuffixes: [...emailSuffix] }),
    ...(subject && { subjects: [...subject] }),
    ...(signedIn && { everyone: true }),
  };
  return Object.keys(oidc).length === 0 ? undefined : oidc;
}

const rangesOfRule = 10;

/** What is denied comes first. */
function accessOf(allow: readonly string[] = [], deny: readonly string[] = []): PortIpAccessControl {
  const rules = [...rulesOf("Deny", deny), ...rulesOf("Allow", allow)];
  return {
    defaultAction: allow.length > 0 ? "Deny" : "Allow",
    rules: rules.map((rule, priority) => ({ ...rule, priority })),
  };
}

function rulesOf(action: "Allow" | "Deny", sources: readonly string[]) {
  const count = Math.ceil(sources.length / rangesOfRule);
  return Array.from({ length: count }, (_, at) => ({
    name: `${action.toLowerCase()}-${at + 1}`,
    action,
    sourceCidrs: sources.slice(at * rangesOfRule, (at + 1) * rangesOfRule),
  }));
}

function ranges(text: string, before: readonly string[] = []): string[] {
  const read = readRange(text);
  if ("message" in read) throw new InvalidArgumentError(`${text} ${read.message}. ${read.hint}`);
  return [...before, text];
}
