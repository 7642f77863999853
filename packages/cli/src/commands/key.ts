import { type CreateKey, Role, roles } from "@alcove/contract";
import { type Command, InvalidArgumentError, Option } from "commander";
import type { Cli } from "../cli.js";
import { examples } from "../examples.js";
import { UsageError } from "../exit-codes.js";
import { momentAhead, wholeNumber } from "../option-values.js";
import { addOutputOptions } from "../output/output.js";
import { createdKeyView, keyView } from "../views/key.js";

export function addKey(program: Command, cli: Cli): void {
  const key = program
    .command("key")
    .summary("make, list and revoke API keys")
    .description(
      "What programs show over TCP. Without --server or --admin it is about the keys of the group, for its owners.",
    );
  for (const add of [addCreate, addList, addRevoke]) add(key, cli);
  examples(key, [
    ["alcove key create ci --role user --expires 90d", "shown once"],
    ["alcove key list", "with when each was used last"],
  ]);
}

interface CreateOptions {
  readonly role?: Role;
  readonly scope?: NonNullable<CreateKey["scopes"]>;
  readonly admin?: true;
  readonly expires?: string;
  readonly requestsPerMinute?: number;
}

function addCreate(key: Command, cli: Cli): void {
  const command = key
    .command("create")
    .summary("make a key, and show it this once")
    .description("Make a key. It is shown this once; the server keeps only its hash.")
    .argument("<name>", "what it is for")
    .addOption(new Option("--role <role>", "what it may do in the group").choices(roles))
    .option("--scope <group=role>", "a key of the administrator's, for this group; repeat for more", scopes)
    .option("--admin", "a key that administers the server")
    .option("--expires <time>", "30m, 12h, 90d, or 2026-12-31T00:00:00Z; default never", momentAhead)
    .option("--requests-per-minute <count>", "default 3000", wholeNumber);
  addOutputOptions(command).action((name: string, options: CreateOptions) => create(cli, name, options));
  examples(command, [
    ["alcove key create ci --role user --expires 90d -q > key", "the key alone, into a file"],
    ["alcove key create reports --scope default=reader", ""],
    ["alcove key create ops --admin --requests-per-minute 600", "may do everything"],
  ]);
}

async function create(cli: Cli, name: string, options: CreateOptions): Promise<void> {
  const { role, scope, admin, expires, requestsPerMinute } = options;
  if ([role, scope, admin].filter((given) => given !== undefined).length !== 1) {
    throw new UsageError("One of --role, --scope and --admin is needed.", "`alcove help key` has examples.");
  }
  const alcove = await cli.alcove();
  const common = {
    name,
    ...(expires === undefined ? {} : { expiresAt: expires }),
    ...(requestsPerMinute === undefined ? {} : { requestsPerMinute }),
  };
  const made =
    role === undefined
      ? alcove.keys.create(
          { ...common, ...(admin ? { isAdmin: true } : { scopes: scope ?? [] }) },
          { signal: cli.signal },
        )
      : alcove.defaultGroup.keys.create({ ...common, role }, { signal: cli.signal });
  await cli.output.one(createdKeyView, await made);
}

function addList(key: Command, cli: Cli): void {
  const command = key
    .command("list")
    .alias("ls")
    .summary("list keys")
    .description("List the keys of the group, newest first, with those that were revoked or have expired.")
    .option("--server", "every key of the server: for its administrator");
  addOutputOptions(command).action(async ({ server }: { server?: true }) => {
    const alcove = await cli.alcove();
    const { keys } = server ? alcove : alcove.defaultGroup;
    await cli.output.list(keyView, await keys.list({ signal: cli.signal }).toArray());
  });
  examples(command, [["alcove key list --server", ""]]);
}

function addRevoke(key: Command, cli: Cli): void {
  const command = key
    .command("revoke")
    .summary("revoke a key")
    .description("Revoke a key. What it has under way ends within seconds.")
    .argument("<id>", "from `alcove key list`")
    .option("--server", "any key of the server: for its administrator")
    .action(async (id: string, { server }: { server?: true }) => {
      const alcove = await cli.alcove();
      const { keys } = server ? alcove : alcove.defaultGroup;
      await keys.revoke(id, { signal: cli.signal });
      cli.terminal.print(id);
    });
  examples(command, [["alcove key revoke k7f3q9x2m5n8b4v1", ""]]);
}

function scopes(text: string, before: NonNullable<CreateKey["scopes"]> = []): NonNullable<CreateKey["scopes"]> {
  const [group = "", roleText] = text.split("=");
  const role = Role.safeParse(roleText);
  if (group === "" || !role.success) throw new InvalidArgumentError(`It must be GROUP=${roles.join("|")}.`);
  return [...before, { group, role: role.data }];
}
