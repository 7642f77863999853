/** Ports as they are typed. */
import { PortNumber } from "@alcove/contract";
import { InvalidArgumentError } from "commander";

export function portNumber(text: string): number {
  const { data } = PortNumber.safeParse(/^\d{1,5}$/.test(text) ? Number(text) : undefined);
  if (data !== undefined) return data;
  throw new InvalidArgumentError(`${text} is no port: it must be a number from 1 to 65535.`);
}

/** A port that a sandbox has: its number, or its name. */
export function portOrName(text: string): number | string {
  return /^\d+$/.test(text) ? portNumber(text) : text;
}

/** Gathers those of an argument that is repeated. */
export function portsOrNames(text: string, before: readonly (number | string)[] = []): (number | string)[] {
  return [...before, portOrName(text)];
}
