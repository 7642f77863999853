import type { WhoAmI } from "@alcove/contract";
import type { Command } from "commander";
import type { Cli } from "../cli.js";
import { examples } from "../examples.js";
import { addOutputOptions } from "../output/output.js";
import type { View } from "../output/view.js";

const whoView: View<WhoAmI> = {
  name: ({ principal }) => principal,
  columns: [
    { heading: "PRINCIPAL", value: ({ principal }) => principal },
    { heading: "NAME", value: ({ name }) => name },
    {
      heading: "MAY",
      value: ({ isAdmin, roles }) =>
        isAdmin ? "administer" : roles.map(({ group, role }) => `${group}=${role}`).join(","),
    },
    { heading: "EXPIRES", value: ({ expiresAt }) => expiresAt },
  ],
};

export function addWhoami(program: Command, cli: Cli): void {
  const command = program
    .command("whoami")
    .summary("show whom the server takes you for, and what you may do")
    .description("Show whom the server takes you for, and the role that you have in each group.");
  addOutputOptions(command).action(async () =>
    cli.output.one(whoView, await (await cli.alcove()).whoAmI({ signal: cli.signal })),
  );
  examples(command, [["alcove whoami", ""]]);
}
