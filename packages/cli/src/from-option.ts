/** `--from`: whether what was kept goes on with its memory, or boots from its disk. */
import { Option } from "commander";

export interface FromOptions {
  readonly from?: "memory" | "disk";
}

export function fromOption(description = "what to go on from"): Option {
  return new Option("--from <mode>", description).choices(["memory", "disk"]);
}

export function fromOf({ from }: FromOptions): "Memory" | "Disk" | undefined {
  if (from === undefined) return undefined;
  return from === "disk" ? "Disk" : "Memory";
}
