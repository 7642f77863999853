import { type Role, type RoleAssignment, roles } from "@alcove/contract";
import { Argument, type Command } from "commander";
import type { Cli } from "../cli.js";
import { examples } from "../examples.js";
import { addOutputOptions } from "../output/output.js";
import { age } from "../output/table.js";
import type { View } from "../output/view.js";

const roleView: View<RoleAssignment> = {
  name: ({ principal }) => principal,
  columns: [
    { heading: "PRINCIPAL", value: ({ principal }) => principal },
    { heading: "ROLE", value: ({ role }) => role },
    { heading: "AGE", value: ({ assignedAt }) => age(assignedAt, Date.now()) },
    { heading: "BY", value: ({ assignedBy }) => assignedBy },
  ],
};
const who = "oidc:SUBJECT, oidc:E-MAIL, key:ID or group:NAME";

export function addRole(program: Command, cli: Cli): void {
  const role = program
    .command("role")
    .summary("say who may do what in a group")
    .description("Roles given by name: reader looks, user runs things, owner changes the group and who is in it.");
  for (const add of [addList, addSet, addRemove]) add(role, cli);
  examples(role, [
    ["alcove role set oidc:ada@example.com user", ""],
    ["alcove role list", ""],
  ]);
}

function addList(role: Command, cli: Cli): void {
  const command = role.command("list").alias("ls").summary("list who was given a role");
  addOutputOptions(command).action(async () => {
    const { roleAssignments } = (await cli.alcove()).defaultGroup;
    await cli.output.list(roleView, await roleAssignments.list({ signal: cli.signal }));
  });
  examples(command, [["alcove role list -o json", ""]]);
}

function addSet(role: Command, cli: Cli): void {
  const command = role
    .command("set")
    .summary("give somebody a role")
    .argument("<principal>", who)
    .addArgument(new Argument("<role>", "what they may do").choices(roles));
  addOutputOptions(command).action(async (principal: string, wanted: Role) => {
    const { roleAssignments } = (await cli.alcove()).defaultGroup;
    await cli.output.one(roleView, await roleAssignments.set(principal, wanted, { signal: cli.signal }));
  });
  examples(command, [["alcove role set oidc:bob@example.com owner", ""]]);
}

function addRemove(role: Command, cli: Cli): void {
  const command = role
    .command("remove")
    .alias("rm")
    .summary("take a role away")
    .argument("<principal>", who)
    .action(async (principal: string) => {
      await (await cli.alcove()).defaultGroup.roleAssignments.remove(principal, { signal: cli.signal });
      cli.terminal.print(principal);
    });
  examples(command, [["alcove role remove oidc:ada@example.com", ""]]);
}
