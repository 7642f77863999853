import type { GroupEgress, UpstreamRoute } from "@alcove/contract";
import { type Command, InvalidArgumentError, Option } from "commander";
import type { Cli } from "../cli.js";
import { examples } from "../examples.js";
import { UsageError } from "../exit-codes.js";
import { contentOf } from "../file-content.js";
import { pairs } from "../option-values.js";
import { addOutputOptions } from "../output/output.js";
import { lines } from "../output/table.js";
import { routeLines, routesOf, withCertificates, withCredentials } from "./routes.js";

interface Options {
  readonly resolve?: Record<string, string>;
  readonly trust?: string;
  readonly route?: Readonly<Record<string, UpstreamRoute>>;
  readonly routeCredentials?: Record<string, string>;
  readonly routeTrust?: Record<string, string>;
  readonly defaultRoute?: string;
  readonly unset?: readonly string[];
}

export function addEgressUpstream(egress: Command, cli: Cli): void {
  const command = egress
    .command("upstream")
    .summary("show or change where the group's names lead, whose certificates count there, and how connections leave")
    .description(
      "Show where the names of the group's sandboxes lead, which authorities are believed beside the system's, and by which routes connections leave; with options, change it first. What is not named stays. A private address needs a transport rule in the policy as well; a rule of a policy says by its route how what it allows leaves.",
    )
    .option(
      "--resolve <host=address>",
      "the address of a host, in place of what the resolver says; repeat for more",
      pairs,
    )
    .option("--trust <file>", "PEM certificates of authorities, in place of those that were given before")
    .option(
      "--route <name=way>",
      "a route of the group: direct, interface:eth1, or a proxy as http://HOST:PORT, https://… or socks5://…; repeat for more",
      routesOf,
    )
    .option(
      "--route-credentials <name=secret>",
      "the group's secret, SECRET or SECRET/KEY, that has USER:PASSWORD of the route's proxy; repeat for more",
      pairs,
    )
    .option(
      "--route-trust <name=file>",
      "PEM certificates of authorities for the route's https proxy; repeat for more",
      pairs,
    )
    .option("--default-route <name>", "the route of what no rule says otherwise")
    .addOption(
      new Option(
        "--unset <what>",
        "take away: trust, default-route, resolve:HOST or route:NAME; repeat for more",
      ).argParser(unsetOf),
    );
  addOutputOptions(command, { quiet: false }).action(async (options: Options) => {
    const { egressPolicies } = (await cli.alcove()).defaultGroup;
    const present = await egressPolicies.settings({ signal: cli.signal });
    requireThere(present, options.unset, options.defaultRoute);
    const changed = changedSettings(present, options);
    const settings = isAsked(options) ? await egressPolicies.setSettings(changed, { signal: cli.signal }) : present;
    await cli.output.value(settings, () => lines(settingLines(settings)));
  });
  examples(command, [
    ["alcove egress upstream", ""],
    ["alcove egress upstream --resolve db.example.com=192.0.2.7", ""],
    ["alcove egress upstream --route corp=http://proxy.example.com:3128 --default-route corp", ""],
    ["alcove egress upstream --unset default-route --unset route:corp", "take the route away"],
    ["alcove egress upstream --unset resolve:db.example.com --unset trust", "take away"],
  ]);
}

function unsetOf(word: string, before: readonly string[] = []): string[] {
  if (!/^(?:trust|default-route|(?:resolve|route):.+)$/.test(word))
    throw new InvalidArgumentError("It must be trust, default-route, resolve:HOST or route:NAME.");
  return [...before, word];
}

/** Whoever takes away what is not there has misspelt it. */
export function requireThere(
  { resolverOverrides = {}, routes = {}, defaultRoute }: GroupEgress,
  unset: readonly string[] = [],
  nextDefault = unset.includes("default-route") ? undefined : defaultRoute,
): void {
  const hint = "`alcove egress upstream` shows what there is.";
  for (const [, kind, name = ""] of unset.flatMap((what) => [/^(resolve|route):(.+)$/.exec(what) ?? []])) {
    if (kind === "resolve" && !Object.hasOwn(resolverOverrides, name))
      throw new UsageError(`No name ${name} is led elsewhere.`, hint);
    if (kind === "route" && !Object.hasOwn(routes, name)) throw new UsageError(`There is no route ${name}.`, hint);
    if (kind === "route" && name === nextDefault)
      throw new UsageError(`The route ${name} is the default one.`, "Take that away too: --unset default-route.");
  }
}

const changing = ["resolve", "trust", "route", "routeCredentials", "routeTrust", "defaultRoute", "unset"] as const;

function isAsked(options: Options): boolean {
  return changing.some((name) => options[name] !== undefined);
}

const pemHint = "Name a file of PEM certificates.";

function changedSettings(present: GroupEgress, options: Options): GroupEgress {
  const { resolverOverrides = {}, upstreamCertificates = "" } = present;
  const { resolve = {}, trust, unset = [] } = options;
  const overrides = Object.entries({ ...resolverOverrides, ...resolve });
  const certificates = unset.includes("trust") ? "" : upstreamCertificates;
  return {
    resolverOverrides: Object.fromEntries(overrides.filter(([host]) => !unset.includes(`resolve:${host}`))),
    upstreamCertificates: trust === undefined ? certificates : contentOf(trust, pemHint),
    ...changedRoutes(present, options),
  };
}

function changedRoutes(present: GroupEgress, options: Options): Pick<GroupEgress, "routes" | "defaultRoute"> {
  const { route = {}, routeCredentials = {}, routeTrust = {}, unset = [] } = options;
  const files = Object.entries(routeTrust).map(([name, path]) => [name, contentOf(path, pemHint)] as const);
  const certificates = Object.fromEntries(files);
  const named = withCredentials({ ...present.routes, ...route }, routeCredentials);
  const routes = Object.entries(withCertificates(named, certificates));
  const kept = unset.includes("default-route") ? undefined : present.defaultRoute;
  const defaultRoute = options.defaultRoute ?? kept;
  return {
    routes: Object.fromEntries(routes.filter(([name]) => !unset.includes(`route:${name}`))),
    ...(defaultRoute !== undefined && { defaultRoute }),
  };
}

function settingLines(settings: GroupEgress): string[] {
  const { resolverOverrides = {}, upstreamCertificates = "", routes = {}, defaultRoute } = settings;
  const count = upstreamCertificates.match(/BEGIN CERTIFICATE/g)?.length ?? 0;
  return [
    ...Object.entries(resolverOverrides).map(([host, address]) => `${host} leads to ${address}`),
    `${count} ${count === 1 ? "authority is" : "authorities are"} believed beside the system's`,
    ...routeLines(routes, defaultRoute),
  ];
}
